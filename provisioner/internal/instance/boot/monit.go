package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

// linkFragments shows monit the checks of every app that has been deployed,
// and tells whether any of them is new.
func (h Host) linkFragments(apps []instance.AppRules) (added bool, err error) {
	// Even an empty directory must be there, because monit's include names it.
	dir, err := h.openRun(blueprint.RunMonitDir, 0o755)
	if err != nil {
		return false, fmt.Errorf("%s: %w", blueprint.RunMonitDir, err)
	}
	defer dir.Close()
	for _, app := range apps {
		if !app.Monit || !h.exists(app.Current) {
			continue
		}
		name := app.Name + ".conf"
		if !h.exists(fragment(name)) {
			err = errors.Join(err, fmt.Errorf("monit does not watch %s: %s is missing; bake the image anew", app.Name, fragment(name)))
			continue
		}
		switch linkErr := show(dir, name); {
		case linkErr == nil:
			added = true
			h.logf("monit watches %s", app.Name)
		case !errors.Is(linkErr, fs.ErrExist):
			err = errors.Join(err, linkErr)
		}
	}
	return added, err
}

func (h Host) unlinkFragments() error {
	dir, err := h.openRun(blueprint.RunMonitDir, 0o755)
	if err != nil {
		return err
	}
	defer dir.Close()
	links, err := fs.ReadDir(dir.FS(), ".")
	for _, l := range links {
		err = errors.Join(err, dir.Remove(l.Name()))
	}
	return err
}

func (h Host) exists(path string) bool {
	_, err := os.Stat(h.Users.Path(path))
	return err == nil
}

// LinkMonit shows monit the checks of one app, after its first deploy. As long
// as the hook has not succeeded it does nothing: the hook will do it then.
func LinkMonit(ctx context.Context, h Host, app string) error {
	verdict, err := ReadVerdict(h.Users.Root)
	if err != nil {
		return err
	}
	if verdict == nil || !verdict.OK {
		h.logf("the first-boot hook has not succeeded yet; monit will watch %s when it has", app)
		return nil
	}
	rules, err := h.rules()
	if err != nil {
		return err
	}
	for _, a := range rules.Apps {
		if a.Name != app {
			continue
		}
		added, err := h.linkFragments([]instance.AppRules{a})
		if added {
			err = errors.Join(err, h.reloadMonit(ctx))
		}
		return err
	}
	return fmt.Errorf("%s has no app %q: see `deployhost status` for those that were baked", blueprint.InstanceRulesPath, app)
}

// reloadMonit lets a running monit read its checks again. One that is not
// running, or not yet, is left alone.
func (h Host) reloadMonit(ctx context.Context) error {
	if err := CheckMonit(ctx, h); err != nil {
		return err
	}
	_, err := h.Users.Run(ctx, deployuser.Command{Args: []string{"systemctl", "--no-block", "try-reload-or-restart", "monit.service"}})
	return err
}
