package boot

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

// CheckMonit takes those apps' checks away that monit does not read, for one of
// them would stop it for all others. It comes before each start of monit's.
func CheckMonit(ctx context.Context, h Host) error {
	dir, err := h.openRun(blueprint.RunMonitDir, 0o755)
	if err != nil {
		return err
	}
	defer dir.Close()
	links, err := fs.ReadDir(dir.FS(), ".")
	if err != nil || len(links) == 0 || h.monitReads(ctx) == nil {
		return err
	}
	for _, l := range links {
		err = errors.Join(err, dir.Remove(l.Name()))
	}
	if without := h.monitReads(ctx); without != nil {
		h.logf("warning: monit does not read its files, and no app's checks are at fault: %v", without)
		for _, l := range links {
			err = errors.Join(err, show(dir, l.Name()))
		}
		return err
	}
	for _, l := range links {
		err = errors.Join(err, show(dir, l.Name()))
		if refused := h.monitReads(ctx); refused != nil {
			h.logf("warning: monit does not watch the app of %s, which it does not read: %v", fragment(l.Name()), refused)
			err = errors.Join(err, dir.Remove(l.Name()))
		}
	}
	return err
}

// fragment is the file of an app's checks.
func fragment(name string) string { return path.Join(blueprint.MonitDir, name) }

// show links an app's checks to where monit includes them.
func show(dir *os.Root, name string) error { return dir.Symlink(fragment(name), name) }

// monitReads tells what monit has against its control files as they are.
func (h Host) monitReads(ctx context.Context) error {
	_, err := h.Users.Run(ctx, deployuser.Command{Args: []string{"monit", "-t"}})
	return err
}
