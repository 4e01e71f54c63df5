//go:build acceptance && linux

package acceptance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// baked is one machine that real Packer baked over ssh: native HCL, the same
// again, and the same as JSON.
type baked struct {
	// lower boots the image.
	lower []string
	runs  [3]packerRun
	// trees and blueprints are the machine's after each run.
	trees      [3]tree
	blueprints [3]string
	// left are the names that the runs left behind in temporary directories.
	left string
	// verify is how `deployhost verify` ended on the machine.
	verify testmachine.Result
}

var bakeOnce = sync.OnceValues(func() (*baked, error) { return bake(shared.ctx) })

// theBaked bakes when the first test asks for it.
func theBaked(t *testing.T) *baked {
	t.Helper()
	b, err := bakeOnce()
	if err != nil {
		t.Fatalf("the image that many tests boot could not be baked: %v", err)
	}
	return b
}

func bake(ctx context.Context) (b *baked, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	c, err := bootUp(ctx, testmachine.RootOptions{Name: "bake", Lower: []string{shared.base}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	b = &baked{}
	for i, template := range []string{"testdata/templates/bake", "testdata/templates/bake", "testdata/templates/bake_json"} {
		if err := b.run(ctx, c, i, template); err != nil {
			return nil, fmt.Errorf("%s, run %d: %w", template, i+1, err)
		}
	}
	if b.verify, err = c.Exec(ctx, "deployhost", "verify"); err != nil {
		return nil, err
	}
	if b.left, err = leftovers(ctx, c); err != nil {
		return nil, err
	}
	if err := c.PowerOff(ctx); err != nil {
		return nil, err
	}
	b.lower, err = c.Commit(ctx, filepath.Join(shared.layers, "baked"))
	return b, err
}

func (b *baked) run(ctx context.Context, c *testmachine.Container, i int, template string) error {
	var err error
	if b.runs[i], err = packerBuild(ctx, template, c.Addr(), nil); err != nil {
		return err
	}
	if b.runs[i].Err != nil {
		return fmt.Errorf("%w\n%s", b.runs[i].Err, b.runs[i].Said)
	}
	if b.trees[i], err = readTree(c.RootDir(), settled); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(c.RootDir(), "etc/deployhost/blueprint.json"))
	b.blueprints[i] = string(text)
	return err
}

// leftovers lists what a run may have left of its upload.
func leftovers(ctx context.Context, c *testmachine.Container) (string, error) {
	found, err := c.Exec(ctx, findLeftovers...)
	return found.Stdout, errors.Join(err, found.Check())
}

// findLeftovers knows the names of what is uploaded, of where that unpacks
// itself, and of what verify makes.
var findLeftovers = []string{
	"find", "/tmp", "/var/tmp", "/run", "/root", "-xdev", "-regextype", "posix-extended",
	"-regex", `.*/deployhost(-[0-9a-f]{32}.*|\.[A-Za-z0-9]{10}|-monit-check-.*)`,
}

var deployedOnce = sync.OnceValues(func() ([]string, error) { return deployOffline(shared.ctx) })

// theDeployed is the baked image with a first release of the app in it.
func theDeployed(t *testing.T) []string {
	t.Helper()
	theBaked(t)
	lower, err := deployedOnce()
	if err != nil {
		t.Fatalf("the first release could not be put into the image: %v", err)
	}
	return lower
}

func deployOffline(ctx context.Context) ([]string, error) {
	b, err := bakeOnce()
	if err != nil {
		return nil, err
	}
	files, err := appFiles()
	if err != nil {
		return nil, err
	}
	return deployedOnto(ctx, "deployed", b.lower, files, "shop")
}

// deployedOnto puts an app's source into /srv/app of an image, and with its
// release.sh a first release of it for each of the apps, without booting.
func deployedOnto(ctx context.Context, name string, lower []string, files map[string]string, apps ...string) ([]string, error) {
	return editLayers(ctx, name, lower, files, func(root string) error {
		for _, app := range apps {
			out, err := exec.CommandContext(ctx, "chroot", "--userspec=deploy:deploy", root, "sh", "/srv/app/release.sh", "/home/deploy/apps/"+app, "1").CombinedOutput()
			if err != nil {
				return fmt.Errorf("release.sh: %w: %s", err, out)
			}
		}
		return nil
	})
}

// bootUp boots a container that no single test owns, and waits until it is up.
func bootUp(ctx context.Context, options testmachine.RootOptions) (*testmachine.Container, error) {
	c, err := testmachine.BootContainer(ctx, options)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.WaitSSH(ctx, testmachine.BuildUser), c.WaitBooted(ctx)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// bakeLayer has real Packer bake a template over ssh onto a machine, and keeps
// what that has changed as one more layer.
func bakeLayer(ctx context.Context, name string, lower []string, template string, vars variables) (baked []string, err error) {
	c, err := bootUp(ctx, testmachine.RootOptions{Name: name, Lower: lower})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	run, err := packerBuild(ctx, template, c.Addr(), vars)
	if err != nil {
		return nil, err
	}
	if run.Err != nil {
		return nil, fmt.Errorf("%w\n%s", run.Err, run.Said)
	}
	if err := c.PowerOff(ctx); err != nil {
		return nil, err
	}
	return c.Commit(ctx, filepath.Join(shared.layers, name))
}

// editLayers puts one more layer onto lower, with files and with what edit
// does to the root directory.
func editLayers(ctx context.Context, name string, lower []string, files map[string]string, edit func(root string) error) ([]string, error) {
	root, err := testmachine.MountRoot(ctx, testmachine.RootOptions{Name: name, Lower: lower, Files: files})
	if err != nil {
		return nil, err
	}
	if err := edit(root.RootDir()); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root.Commit(ctx, filepath.Join(shared.layers, name))
}
