package status

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/boot"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// verdict reads what the hook has left.
func (l *look) verdict() {
	f := &l.state.FirstBoot
	*f = FirstBoot{State: HookNotRun, Unit: Unit{Name: blueprint.HookUnit}, Values: []Value{}}
	found, err := boot.ReadVerdict(l.Users.Root)
	if err != nil {
		f.State, f.Problems = HookUnreadable, []string{readable(err.Error())}
	}
	if found != nil {
		f.State = HookFailed
		if found.OK {
			f.State = HookSucceeded
		}
		// It is written at the attempt's end, whole.
		if info, err := os.Stat(l.Users.Path(blueprint.VerdictPath)); err == nil {
			f.At = info.ModTime().UTC().Truncate(time.Second)
		}
		f.Seconds, f.Attempt, f.Source, f.InstanceID = found.Seconds, found.Attempt, readable(found.Source), readable(found.InstanceID)
		f.Problems, f.Warnings = readables(found.Problems), readables(found.Warnings)
		for _, v := range found.Values {
			f.Values = append(f.Values, Value{
				Name: v.Name, From: readable(v.From), Defaulted: v.Defaulted, Apps: v.Apps, Bytes: v.Bytes, Sensitive: v.Sensitive,
			})
		}
	}
	for i, app := range l.b.Apps {
		l.state.Apps[i].Values = l.values(app)
	}
	// One may be a part of another, which would then be hidden in part.
	slices.SortFunc(l.secrets, func(a, b string) int { return len(b) - len(a) })
}

// values looks at an app's EnvironmentFile, which the deploy user can read
// too. Only what the verdict knows to be harmless is kept.
func (l *look) values(app blueprint.App) ValuesState {
	if app.EnvFile == "" {
		return ValuesNone
	}
	vars, err := l.envFile(app)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ValuesMissing
	case err != nil:
		l.miss("the instance values of %s: %v", app.Name, err)
		return ValuesUnreadable
	}
	for _, v := range vars {
		if known := l.value(app.Name, v.Name); known != nil && !known.Sensitive {
			known.Text = &v.Value
			continue
		}
		l.hide(v.Value)
	}
	return ValuesThere
}

func (l *look) envFile(app blueprint.App) ([]blueprint.EnvVar, error) {
	data, err := os.ReadFile(l.Users.Path(app.EnvFile))
	if err != nil {
		return nil, err
	}
	return systemd.DecodeEnvFile(data)
}

// value is the verdict's entry of an app's value; nil when it knows none.
func (l *look) value(app, name string) *Value {
	values := l.state.FirstBoot.Values
	i := slices.IndexFunc(values, func(v Value) bool { return v.Name == name && (instance.Value{Apps: v.Apps}).AppliesTo(app) })
	if i < 0 {
		return nil
	}
	return &values[i]
}

// hookUnit adds what systemd knows of the hook, and what it waits for before it runs.
func (l *look) hookUnit(system map[string]shown, jobs string) {
	f := &l.state.FirstBoot
	found := system[blueprint.HookUnit]
	f.Unit = found.unit(blueprint.HookUnit)
	pending := parseJobs(jobs)
	if f.State != HookNotRun || f.Unit.ActiveState != "activating" && !slices.Contains(pending, blueprint.HookUnit) {
		return
	}
	// It has ended without a verdict, and is to be tried again.
	if f.Unit.SubState == "auto-restart" {
		return
	}
	f.State = HookRunning
	if f.Unit.ActiveState == "activating" {
		return
	}
	for after := range strings.FieldsSeq(found["After"]) {
		if slices.Contains(pending, after) {
			f.WaitsFor = append(f.WaitsFor, readable(after))
		}
	}
}

// parseJobs gives the units of `systemctl list-jobs`, whose lines are ID UNIT TYPE STATE.
func parseJobs(out string) []string {
	var units []string
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) == 4 {
			units = append(units, fields[1])
		}
	}
	return units
}
