package deployhost

import (
	"fmt"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// claims are names of one kind, each with the field that has it.
type claims map[string]string

// claim reports a name that another field has already, and tells whether it was free.
func (t *translator) claim(taken claims, name, owner, field, why string) bool {
	if name == "" || !t.Known(name) {
		return true
	}
	first, ok := taken[name]
	if ok {
		t.Addf(field, "%q is %s's already: %s; give each its own", name, first, why)
		return false
	}
	taken[name] = owner
	return true
}

// distinct finds names and ports that two apps or two services share.
func (t *translator) distinct(apps []app.App) {
	names, units, ports, dirs := claims{}, claims{}, claims{}, claims{}
	for i, a := range apps {
		at := fmt.Sprintf("app[%d]", i)
		t.claim(names, string(a.Name), at, at+".name", "their units and directories would be the same")
		t.claim(dirs, string(a.DeployTo), at, at+".deploy_to", "one deploy would overwrite the other")
		if a.Puma != nil {
			t.claimUnit(units, a.Puma.Unit, at+".puma")
		}
		if a.Puma != nil && a.Puma.Port != 0 {
			t.claim(ports, fmt.Sprint(a.Puma.Port), at+".puma", at+".puma.port", "the second one could not listen")
		}
		t.distinctServices(at, a, units)
	}
}

func (t *translator) claimUnit(units claims, unit systemd.UnitName, at string) {
	t.claim(units, string(unit), at, at+".unit_name", "systemd and monit know a service by its name only")
}

func (t *translator) distinctServices(at string, a app.App, units claims) {
	sidekiqs, services, unnamed := claims{}, claims{}, ""
	for i, s := range a.Sidekiqs {
		field := fmt.Sprintf("%s.sidekiq[%d]", at, i)
		switch {
		case s.Unit == "": // reported already, or not known yet
			continue
		case s.Name == "" && unnamed != "":
			t.Addf(field+".name", "is missing: %s has none either, and only one of an app can do without; write for example \"critical\"", unnamed)
		case t.claim(sidekiqs, string(s.Name), field, field+".name", "their units and logs would be the same"):
			t.claimUnit(units, s.Unit, field)
		}
		if s.Name == "" {
			unnamed = field
		}
	}
	for i, c := range a.Commands {
		field := fmt.Sprintf("%s.service[%d]", at, i)
		if t.claim(services, string(c.Name), field, field+".name", "their units and logs would be the same") {
			t.claimUnit(units, c.Unit, field)
		}
	}
}
