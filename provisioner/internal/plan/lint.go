package plan

import (
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint"
)

const systemUnits = "/etc/systemd/system/"

// Lint reads every unit and every monit file of the image, as systemd and
// monit are going to read them.
func Lint(h Host, b *blueprint.Blueprint) []lint.Finding {
	userUnits := app.Host{User: b.User}.UserUnitDir() + "/"
	facts := facts(b)
	known := h.known(b)
	var user []lint.Source
	var findings []lint.Finding
	for _, e := range b.Entries {
		if e.Kind != blueprint.File {
			continue
		}
		text := []byte(e.Content)
		switch {
		case strings.HasPrefix(e.Path, userUnits):
			name := strings.TrimPrefix(e.Path, userUnits)
			user = append(user, lint.Source{Name: name, Text: text, Facts: facts[name]})
		case strings.HasPrefix(e.Path, systemUnits):
			findings = append(findings, lint.SystemUnit(lint.Source{Name: strings.TrimPrefix(e.Path, systemUnits), Text: text})...)
		case strings.HasPrefix(e.Path, blueprint.MonitDir+"/"), strings.HasPrefix(e.Path, "/etc/monit/"):
			findings = append(findings, lint.Monit(e.Path, text, known)...)
		}
	}
	return append(lint.Units(user), findings...)
}

// facts are what the linter cannot see in a unit, by the unit's name.
func facts(b *blueprint.Blueprint) map[string]lint.Facts {
	byUnit := map[string]lint.Facts{}
	for _, a := range b.Apps {
		of := lint.Facts{Target: a.Target(), Current: a.Current(), RequiredFile: a.EnvFile}
		for _, s := range a.Services {
			byUnit[s.Unit] = of
			byUnit[strings.TrimSuffix(s.Unit, ".service")+".socket"] = of
		}
		byUnit[a.Target()] = of
		byUnit[a.Name+".path"] = of
	}
	return byUnit
}

// known is what monit will find on the host.
func (h Host) known(b *blueprint.Blueprint) lint.Known {
	if h.Monit == nil {
		return lint.Known{}
	}
	names := []string{b.User.Name}
	known := lint.Known{Users: names, Groups: names, Interval: h.Monit.Interval, Settle: map[string]time.Duration{}}
	for _, a := range h.Apps {
		for _, s := range a.Watched(app.Host{User: b.User}) {
			known.Settle[s.Unit.Prefix()] = s.Settle
		}
	}
	return known
}
