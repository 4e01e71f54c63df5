package status

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

const monitUnit = "monit.service"

func managerUnit(uid int) string { return fmt.Sprintf("user@%d.service", uid) }

// system asks PID 1, which answers everybody.
func (l *look) system(ctx context.Context) (units map[string]shown, jobs string) {
	together(
		func() {
			out, err := l.run(ctx, "systemctl", "show", properties, blueprint.HookUnit, monitUnit, managerUnit(l.b.User.UID))
			if err != nil {
				l.miss("the system's units: %v", err)
			}
			units = parseShow(out)
		},
		func() {
			var err error
			if jobs, err = l.run(ctx, "systemctl", "list-jobs", "--no-legend", "--plain"); err != nil {
				l.miss("the system's jobs: %v", err)
			}
		},
	)
	return units, jobs
}

// user looks at the deploy user's files, and at its manager as PID 1 sees it: a
// manager that is gone may have left its sockets.
func (l *look) user(system map[string]shown) (managerRuns bool) {
	baked := l.b.User
	u := &l.state.User
	*u = User{Name: baked.Name, UID: baked.UID, Manager: ManagerOff, Lingering: l.exists(blueprint.LingerDir + "/" + baked.Name)}
	if err := l.Users.Mismatch(baked); err != nil {
		u.Differs = readable(err.Error())
	}
	unit := system[managerUnit(baked.UID)].unit("")
	u.ManagerSince = unit.Since
	return l.Users.ManagerRunning(baked) && unit.ActiveState != "inactive" && unit.ActiveState != "failed"
}

// manager asks the user's manager how it is.
func (l *look) manager(ctx context.Context) {
	// It exits non-zero for every state but "running", and says which one it is.
	state, _ := l.run(ctx, "systemctl", "--user", "is-system-running")
	l.state.User.Manager = cmp.Or(readable(strings.TrimSpace(state)), ManagerSilent)
	if l.state.User.Manager == "offline" || l.state.User.Manager == "unknown" {
		l.state.User.Manager = ManagerSilent
	}
}
