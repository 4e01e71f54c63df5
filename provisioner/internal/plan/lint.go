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
// monit are going to read them. What it finds in a unit that a template of the
// user's own gave is told with that template's name and line.
func Lint(h Host, b *blueprint.Blueprint) ([]lint.Finding, error) {
	userUnits := app.Host{User: b.User}.UserUnitDir() + "/"
	facts := h.facts(b)
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
	all := append(lint.Units(user), findings...)
	return all, h.inTemplates(b, all)
}

func (h Host) inTemplates(b *blueprint.Blueprint, findings []lint.Finding) error {
	for _, a := range h.Apps {
		custom, err := a.CustomUnits(h.face(b))
		if err != nil {
			return err
		}
		for i, f := range findings {
			if unit, ok := custom[f.File]; ok && f.Line <= len(unit.Lines) {
				findings[i].File, findings[i].Line = unit.Template, unit.Lines[f.Line-1]
			}
		}
	}
	return nil
}

// facts are what the linter cannot see in a unit, by the unit's name.
func (h Host) facts(b *blueprint.Blueprint) map[string]lint.Facts {
	byUnit := map[string]lint.Facts{}
	for _, a := range b.Apps {
		of := lint.Facts{Target: a.Target(), Current: a.Current(), RequiredFile: a.EnvFile}
		byUnit[a.Target()] = of
		byUnit[a.Name+".path"] = of
		for _, s := range a.Services {
			byUnit[strings.TrimSuffix(s.Unit, ".service")+".socket"] = of
			byUnit[s.Unit] = of
		}
	}
	for _, a := range h.Apps {
		for _, s := range a.Linted(h.face(b)) {
			of := byUnit[s.Unit]
			of.Puma, of.Sidekiq = lint.Version(s.Puma), lint.Version(s.Sidekiq)
			if h.Monit != nil {
				of.PidFile = s.PidFile
			}
			byUnit[s.Unit] = of
		}
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
