// Package ruby puts Ruby under rbenv: it assembles rbenv's root from the
// distribution's package or from a commit, and makes either the distribution's
// Ruby or an archive's a version there.
package ruby

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// packaged is where Debian's package rbenv has its command, a link into its libexec.
const packaged = "/usr/bin/rbenv"

// Layout makes rbenv's root, but for the versions' own content.
func Layout(h host.Host, t *tree.Tree, r blueprint.Ruby) (tree.Result, error) {
	var result tree.Result
	if r.Rbenv != nil {
		if result = t.Do(tree.Write, []blueprint.Entry{dir(r.Root)}); len(result.Problems) > 0 {
			return result, nil
		}
		changed, err := Checkout(h, *r.Rbenv, r.Root+sourceDir)
		if err != nil {
			return result, err
		}
		if changed {
			result.Changes = append(result.Changes, tree.Change{Path: r.Root + sourceDir, What: "cloned"})
		}
	}
	entries, err := skeleton(h, r)
	if err != nil {
		return result, err
	}
	return join(result, t.Do(tree.Write, entries)), nil
}

// skeleton is what every rbenv root has. rbenv finds its commands beside the
// place its links lead to; links rather than copies, because the distribution
// goes on updating what they lead to.
func skeleton(h host.Host, r blueprint.Ruby) ([]blueprint.Entry, error) {
	shims := dir(r.Root + "/shims")
	if r.Writable {
		shims.Owner = blueprint.DeployUser
	}
	entries := []blueprint.Entry{
		dir(r.Root), dir(r.Root + "/bin"), shims, dir(r.Root + "/versions"),
		{Path: r.Root + "/version", Kind: blueprint.File, Owner: blueprint.Root, Mode: 0o644, Content: r.Version + "\n"},
	}
	if r.Rbenv != nil {
		return append(entries,
			link(r.Root+"/libexec", r.Root+sourceDir+"/libexec"),
			link(r.Root+"/bin/rbenv", "../libexec/rbenv"),
		), nil
	}
	// An rbenv that was cloned there earlier in the build is as good.
	if info, err := os.Lstat(h.Path(r.Root + "/libexec")); err == nil && info.IsDir() {
		return entries, nil
	}
	command, err := filepath.EvalSymlinks(h.Path(packaged))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("ruby: %s is missing, and %s holds no rbenv of its own: add \"rbenv\" to packages, or clone rbenv to %s earlier in the build",
			packaged, r.Root, r.Root)
	}
	if err != nil {
		return nil, fmt.Errorf("ruby: %w", err)
	}
	libexec := path.Join("/", strings.TrimPrefix(filepath.Dir(command), filepath.Clean(h.Root)))
	return append(entries,
		link(r.Root+"/libexec", libexec),
		link(r.Root+"/bin/rbenv", "../libexec/rbenv"),
	), nil
}

func dir(path string) blueprint.Entry {
	return blueprint.Entry{Path: path, Kind: blueprint.Dir, Owner: blueprint.Root, Mode: 0o755}
}

func link(path, target string) blueprint.Entry {
	return blueprint.Entry{Path: path, Kind: blueprint.Link, Owner: blueprint.Root, Target: target}
}
