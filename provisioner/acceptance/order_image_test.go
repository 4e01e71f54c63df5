//go:build acceptance && linux

package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// orderImages are one Debian release's, with a first release of the app in each.
type orderImages struct {
	// local has values that need no cloud-init, although it is there.
	local []string
	// cloud has values from cloud-init, and from the machine.
	cloud []string
	// bare has no cloud-init at all.
	bare []string
}

// secretPath is what each instance's operator provides.
const secretPath = "/etc/order/secret"

var (
	localValues = map[string]string{"CPUS": "cpus", "SECRET": "file:" + secretPath}
	cloudValues = map[string]string{
		"CELL": "tag:cell", "INSTANCE": "instance_id", "HOST": "hostname", "CPUS": "cpus", "SECRET": "file:" + secretPath,
	}
	bareValues = map[string]string{"HOST": "hostname", "CPUS": "cpus", "SECRET": "file:" + secretPath}
)

// orderBakes bakes each release's images once.
var orderBakes = map[string]func() (*orderImages, error){}

func init() {
	for _, suite := range testmachine.Suites {
		orderBakes[suite] = sync.OnceValues(func() (*orderImages, error) { return bakeOrder(shared.ctx, suite) })
	}
}

func theOrderImages(t *testing.T, suite string) *orderImages {
	t.Helper()
	images, err := orderBakes[suite]()
	if err != nil {
		t.Fatalf("the images of %s could not be baked: %v", suite, err)
	}
	return images
}

// bakeOrder bakes the packages once: the other two images are bakes over the
// first one, which only change what an instance fills in.
func bakeOrder(ctx context.Context, suite string) (*orderImages, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	stock, err := testmachine.BaseRoot(ctx, suite)
	if err != nil {
		return nil, err
	}
	var images orderImages
	fresh, err := bakeOrderLayer(ctx, "order-fresh-"+suite, []string{stock}, "auto", localValues)
	if err != nil {
		return nil, err
	}
	if images.local, err = deployWitness(ctx, "order-local-"+suite, fresh); err != nil {
		return nil, err
	}
	if images.cloud, err = bakeOrderLayer(ctx, "order-cloud-"+suite, images.local, "cloud-init", cloudValues); err != nil {
		return nil, err
	}
	purged, err := editLayers(ctx, "order-purged-"+suite, images.local, nil, purgeCloudInit(ctx))
	if err != nil {
		return nil, err
	}
	images.bare, err = bakeOrderLayer(ctx, "order-bare-"+suite, purged, "auto", bareValues)
	return &images, err
}

// bakeOrderLayer bakes the order template with these values.
func bakeOrderLayer(ctx context.Context, name string, lower []string, cloud string, values map[string]string) ([]string, error) {
	from, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	return bakeLayer(ctx, name, lower, "testdata/templates/order", variables{"cloud": cloud, "values": string(from)})
}

// deployWitness puts a first release into the image, as the deploy user.
func deployWitness(ctx context.Context, name string, lower []string) ([]string, error) {
	files, err := filesOf("testdata/order", "/srv/order")
	if err != nil {
		return nil, err
	}
	return editLayers(ctx, name, lower, files, func(root string) error {
		return inChroot(ctx, root, "deploy:deploy", "sh", "-euc",
			`mkdir -p "$1/releases/1"; cp /srv/order/witness.py "$1/releases/1/"; ln -s releases/1 "$1/current"`,
			"release", "/home/deploy/apps/tiny")
	})
}

// purgeCloudInit removes the package as its administrator would, with what it
// has made.
func purgeCloudInit(ctx context.Context) func(root string) error {
	return func(root string) error {
		return inChroot(ctx, root, "root:root", "sh", "-euc", "dpkg --purge cloud-init && rm -rf /etc/cloud /var/lib/cloud /run/cloud-init")
	}
}

// inChroot runs a program as a user in a root that nothing has booted.
func inChroot(ctx context.Context, root, user string, argv ...string) error {
	out, err := exec.CommandContext(ctx, "chroot", append([]string{"--userspec=" + user, root}, argv...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
	}
	return nil
}
