package boot

import (
	"context"
	"fmt"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// decision is everything that is going to be written, complete before the first byte is.
type decision struct {
	outputs  []output
	verdicts []instance.ValueVerdict
	warnings []string
	problems []string
}

// output is one file in an app's directory.
type output struct {
	app string
	// path is relative to the app's directory.
	path    string
	content []byte
}

func (d *decision) warn(format string, args ...any) {
	d.warnings = append(d.warnings, fmt.Sprintf(format, args...))
}

func (d *decision) fail(format string, args ...any) {
	d.problems = append(d.problems, fmt.Sprintf(format, args...))
}

// decide asks for every value, so that a person reads all problems at once.
func decide(ctx context.Context, rules *instance.Rules, from sources) decision {
	var d decision
	values := map[int]string{}
	for i, answer := range from.ask(ctx, rules.Values) {
		if value, ok := d.value(rules.Values[i], answer); ok {
			values[i] = value
		}
	}
	for _, app := range rules.Apps {
		d.envFile(rules, app.Name, values)
	}
	for _, f := range rules.Files {
		d.file(rules, f, values)
	}
	if len(d.problems) > 0 {
		d.outputs, d.verdicts = nil, nil
	}
	return d
}

// value decides on one value by its rules; ok is false when there is none to write.
func (d *decision) value(v instance.Value, answer found) (value string, ok bool) {
	value, err := answer.value, answer.err
	if err == nil && value != "" {
		err = v.Check(value)
	}
	switch {
	case err != nil && v.Required:
		d.fail("%s from %s: %v; it is required, so the app stays down: correct it at its source, and the hook will try again by itself",
			v.Name, v.From, err)
		return "", false
	case err != nil && v.Default == nil:
		d.warn("%s from %s: %v; it was left out", v.Name, v.From, err)
		return "", false
	case err != nil:
		d.warn("%s from %s: %v; its default was used", v.Name, v.From, err)
	case value == "" && v.Default == nil && v.Required:
		d.fail("%s: this instance has no %s%s; it is required, so the app stays down: provide it, and the hook will try again by itself",
			v.Name, v.From, answer.why)
		return "", false
	case value == "" && v.Default == nil:
		d.warn("%s: this instance has no %s%s; it was left out", v.Name, v.From, answer.why)
		return "", false
	}
	defaulted := err != nil || value == ""
	if defaulted {
		value = *v.Default
	}
	d.verdicts = append(d.verdicts, instance.ValueVerdict{
		Name: v.Name, From: v.From, Defaulted: defaulted, Bytes: len(value), Sensitive: v.Sensitive, Apps: v.Apps,
	})
	return value, true
}

// envFile is written for every app that some value applies to, even when all
// were left out: its services name the file without a "-".
func (d *decision) envFile(rules *instance.Rules, app string, values map[int]string) {
	if len(rules.ValuesFor(app)) == 0 {
		return
	}
	var vars []blueprint.EnvVar
	for i, v := range rules.Values {
		if value, ok := values[i]; ok && v.AppliesTo(app) {
			vars = append(vars, blueprint.EnvVar{Name: v.Name, Value: value})
		}
	}
	content, err := systemd.EncodeEnvFile(vars)
	if err != nil {
		d.fail("%s: %v", instance.EnvFile(app), err)
		return
	}
	d.outputs = append(d.outputs, output{app: app, path: instance.EnvFileName, content: content})
}

func (d *decision) file(rules *instance.Rules, f instance.File, values map[int]string) {
	byName := map[string]string{}
	for i, v := range rules.Values {
		if value, ok := values[i]; ok && v.AppliesTo(f.App) {
			byName[v.Name] = value
		}
	}
	text, err := instance.Render(f.Template, byName)
	if err != nil {
		// A value that is missing has been reported, as required ones alone may be missing here.
		if len(d.problems) == 0 {
			d.fail("%s: %v", f.RenderedPath(), err)
		}
		return
	}
	d.outputs = append(d.outputs, output{app: f.App, path: f.Path, content: []byte(text)})
}
