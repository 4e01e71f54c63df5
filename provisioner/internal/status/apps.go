package status

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// apps fills in what files tell of the apps.
func (l *look) apps() {
	l.state.Apps = []App{}
	for _, baked := range l.b.Apps {
		app := App{
			Name: baked.Name, Stage: baked.Stage, Current: baked.Current(), Starter: Unit{Name: baked.Name + ".path"},
			Services: []Service{}, Watched: WatchedNever,
		}
		if baked.Monit {
			app.Watched = WatchedNotYet
			// It leads to where only root may look.
			if _, err := os.Lstat(l.Users.Path(blueprint.RunMonitDir + "/" + baked.Name + ".conf")); err == nil {
				app.Watched = WatchedYes
			}
		}
		app.Deployed, app.Release = l.deployed(baked.Current())
		for _, s := range baked.Services {
			app.Services = append(app.Services, Service{Unit: Unit{Name: s.Unit}, Kind: s.Kind, Socket: l.socketOf(s.Unit)})
		}
		l.state.Apps = append(l.state.Apps, app)
	}
}

// deployed looks at the link as the units' conditions do, which follow it.
func (l *look) deployed(current string) (deployed Deployed, release string) {
	at := l.Users.Path(current)
	target, err := os.Readlink(at)
	if err == nil {
		release = readable(filepath.Base(target))
	}
	_, linkErr := os.Lstat(at)
	_, err = os.Stat(at)
	switch {
	case errors.Is(linkErr, fs.ErrNotExist):
		return NotDeployed, ""
	case errors.Is(err, fs.ErrNotExist):
		return DanglingLink, release
	case err != nil:
		l.miss("%s: %v", current, err)
		return NotDeployed, ""
	}
	return IsDeployed, release
}
