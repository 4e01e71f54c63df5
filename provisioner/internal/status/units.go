package status

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// services asks the user's manager about all units of all apps at once.
func (l *look) services(ctx context.Context) {
	var names []string
	l.eachUnit(func(u *Unit) { names = append(names, u.Name) })
	if len(names) == 0 {
		return
	}
	out, err := l.run(ctx, append([]string{"systemctl", "--user", "show", properties}, names...)...)
	if err != nil {
		l.miss("the services: %v", err)
	}
	units := parseShow(out)
	l.eachUnit(func(u *Unit) {
		if found, ok := units[u.Name]; ok {
			*u = found.unit(u.Name)
		}
	})
	l.eachService(func(_ blueprint.Service, s *Service) {
		found := units[s.Name]
		s.Restarts = int(found.number("NRestarts"))
		s.MemoryBytes = found.number("MemoryCurrent")
		if !s.Running() {
			s.Exit = found.exit()
		}
	})
}

func (l *look) eachUnit(f func(u *Unit)) {
	for i := range l.state.Apps {
		app := &l.state.Apps[i]
		f(&app.Starter)
		for j := range app.Services {
			f(&app.Services[j].Unit)
			if socket := app.Services[j].Socket; socket != nil {
				f(socket)
			}
		}
	}
}

// baked is the entry of a user unit; nil when the image has none.
func (l *look) baked(unit string) *blueprint.Entry {
	want := l.b.User.Home + "/.config/systemd/user/" + unit
	for i, e := range l.b.Entries {
		if e.Path == want {
			return &l.b.Entries[i]
		}
	}
	return nil
}

// socketOf is the unit that a service takes its sockets from, by systemd's rule
// for names (systemd.socket(5)).
func (l *look) socketOf(unit string) *Unit {
	name := strings.TrimSuffix(unit, ".service") + ".socket"
	if l.baked(name) == nil {
		return nil
	}
	return &Unit{Name: name}
}

// logFile is where a service's own output goes; empty for the journal. systemd
// does not tell, so it is read from the unit as it was baked.
func (l *look) logFile(unit string) string {
	entry := l.baked(unit)
	if entry == nil {
		return ""
	}
	for line := range strings.Lines(entry.Content) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), "StandardOutput=")
		if kind, file, found := strings.Cut(value, ":"); ok && found && path.IsAbs(file) &&
			(kind == "append" || kind == "file" || kind == "truncate") {
			return file
		}
	}
	return ""
}

// healthTime is short, for people wait; monit itself gives a service as long.
const healthTime = 3 * time.Second

// health makes the request that monit makes. One who is not running, or not
// there yet, does not answer anyway, and its unit says more.
func (l *look) health(ctx context.Context) {
	var parts []func()
	l.eachService(func(baked blueprint.Service, s *Service) {
		if baked.Health == nil {
			return
		}
		parts = append(parts, func() {
			ctx, cancel := context.WithTimeout(ctx, healthTime)
			defer cancel()
			s.Health = &Health{OK: true}
			if err := l.probe(ctx, *baked.Health); err != nil {
				*s.Health = Health{Error: readable(err.Error())}
			}
		})
	})
	together(parts...)
}
