package status

import (
	"context"
	"fmt"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/boot"
)

// Collect looks at everything once. What cannot be looked at is a problem of the report.
func Collect(ctx context.Context, h Host, b *blueprint.Blueprint) *Report {
	r := &Report{Apps: []AppStatus{}}
	h.user(ctx, b, r)
	h.ruby(b, r)
	h.hook(r)
	h.monit(ctx, b, r)
	units := h.services(ctx, b, r)
	for _, app := range b.Apps {
		r.Apps = append(r.Apps, h.app(app, units, r))
	}
	r.OK = len(r.Problems) == 0
	return r
}

func (h Host) user(ctx context.Context, b *blueprint.Blueprint, r *Report) {
	u := b.User
	r.User = User{Name: u.Name, UID: u.UID, Manager: "off", Lingering: h.exists(blueprint.LingerDir + "/" + u.Name)}
	if err := h.Users.Check(u); err != nil {
		r.add(err.Error(), "")
	}
	if !r.User.Lingering {
		r.add(u.Name+" does not linger: its services stop at logout and do not start at boot", "as root: loginctl enable-linger "+u.Name)
	}
	if h.Users.ManagerRunning(u) {
		// It exits non-zero for every state but "running", and says which one it is.
		state, err := h.Users.Systemctl(ctx, u, "is-system-running")
		r.User.Manager = strings.TrimSpace(state)
		if r.User.Manager == "" {
			r.add(fmt.Sprintf("the systemd manager of %s does not answer: %v", u.Name, err),
				fmt.Sprintf("as root: systemctl restart user@%d.service", u.UID))
		}
		return
	}
	r.add(fmt.Sprintf("the systemd manager of %s is not running, and without it none of its services is", u.Name),
		fmt.Sprintf("as root: systemctl start user@%d.service; journalctl -b -u user@%d.service tells why it is down", u.UID, u.UID))
}

func (h Host) ruby(b *blueprint.Blueprint, r *Report) {
	if b.Ruby == nil {
		return
	}
	r.Ruby = &Ruby{Version: b.Ruby.Version, Present: h.exists(b.Ruby.VersionDir())}
	if !r.Ruby.Present {
		r.add(fmt.Sprintf("Ruby %s is missing: there is no %s", b.Ruby.Version, b.Ruby.VersionDir()),
			"bake the image anew; `deployhost verify` tells what else is missing")
	}
}

func (h Host) hook(r *Report) {
	again := "as root: systemctl restart " + blueprint.HookUnit
	verdict, err := boot.ReadVerdict(h.Users.Root)
	r.Hook = verdict
	switch {
	case err != nil:
		r.add(err.Error(), again)
	case verdict == nil:
		r.add("the first-boot hook has not run in this boot, so no app has its values",
			again+"; journalctl -b -u "+blueprint.HookUnit+" tells what it says")
	case !verdict.OK:
		for _, p := range verdict.Problems {
			r.add("first-boot hook: "+p, "")
		}
	}
}

func (h Host) monit(ctx context.Context, b *blueprint.Blueprint, r *Report) {
	watched := false
	for _, a := range b.Apps {
		watched = watched || a.Monit
	}
	if !watched {
		return
	}
	r.Monit = h.systemState(ctx, "monit.service")
	if r.Monit != "active" {
		r.add("monit.service is "+r.Monit+": nobody looks after hanging services",
			"as root: systemctl restart monit.service; monit -t tells whether its configuration is at fault")
	}
}

func (h Host) app(app blueprint.App, units map[string]Service, r *Report) AppStatus {
	s := AppStatus{Name: app.Name, Deployed: h.exists(app.Current()), Services: []Service{}}
	for _, service := range app.Services {
		found, ok := units[service.Unit]
		if !ok {
			found = Service{Unit: service.Unit, LoadState: "unknown", ActiveState: "unknown"}
		}
		s.Services = append(s.Services, found)
		if ok {
			judge(found, s.Deployed, r)
		}
	}
	s.Values = h.values(app, r)
	return s
}

// values reads what the hook has written, as the app's services do.
func (h Host) values(app blueprint.App, r *Report) []Value {
	if app.EnvFile == "" || r.Hook == nil || !r.Hook.OK {
		return nil
	}
	vars, err := h.instanceValues(app)
	if err != nil {
		r.add(err.Error(), "")
		return nil
	}
	var values []Value
	for _, v := range vars {
		value := Value{Name: v.Name, Text: v.Value, Bytes: len(v.Value), Sensitive: sensitive(r.Hook, app.Name, v.Name)}
		if value.Sensitive {
			value.Text = ""
		}
		values = append(values, value)
	}
	return values
}

// sensitive also holds for a value that the verdict does not know.
func sensitive(verdict *instance.Verdict, app, name string) bool {
	for _, v := range verdict.Values {
		if v.Name == name && (instance.Value{Apps: v.Apps}).AppliesTo(app) {
			return v.Sensitive
		}
	}
	return true
}
