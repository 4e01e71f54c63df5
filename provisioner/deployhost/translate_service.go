package deployhost

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/problem"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd/unittemplate"
)

// services of every kind; a itself is translated but for them.
func (t *translator) services(field string, from *App, a *app.App) {
	if from.Puma == nil && len(from.Sidekiqs)+len(from.Services) == 0 {
		t.Addf(field, "has no service: there would be nothing to run after a deploy; write puma {}, a sidekiq block or a service block into it")
	}
	if from.Puma != nil {
		a.Puma = t.puma(field+".puma", from.Puma, *a)
	}
	for i := range from.Sidekiqs {
		a.Sidekiqs = append(a.Sidekiqs, t.sidekiq(fmt.Sprintf("%s.sidekiq[%d]", field, i), &from.Sidekiqs[i], *a))
	}
	for i := range from.Services {
		a.Commands = append(a.Commands, t.command(fmt.Sprintf("%s.service[%d]", field, i), &from.Services[i], *a))
	}
}

// process translates what every kind of service takes.
func (t *translator) process(field, kind string, p *Process) app.Process {
	out := app.Process{
		Log: choice(t, field+".log", p.Log, app.LogJournal, app.LogFile),
		Restart: app.Restart{
			Delay: t.duration(field+".restart_delay", p.RestartDelay, time.Second, 0, 10*time.Minute),
			Start: t.duration(field+".start_timeout", p.StartTimeout, time.Minute, time.Second, time.Hour),
			Stop:  t.duration(field+".stop_timeout", p.StopTimeout, 30*time.Second, time.Second, time.Hour),
		},
		Limits: app.Limits{
			MemoryMax:  optional(t, field+".memory_max", p.MemoryMax, app.ParseMemory),
			MemoryHigh: optional(t, field+".memory_high", p.MemoryHigh, app.ParseMemory),
			CPUQuota:   optional(t, field+".cpu_quota", p.CPUQuota, app.ParsePercent),
			TasksMax:   p.TasksMax,
		},
		Watch: t.watch(field+".watch", p.Watch),
		Env:   t.env(field+".env", p.Env),
	}
	t.between(field+".tasks_max", p.TasksMax, 0, 1<<22)
	if out.Limits.HighIsIdle() {
		t.Addf(field+".memory_high", "%q is not below memory_max, so the service would be killed before it is slowed down; write less, for example nine tenths of it", p.MemoryHigh)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Extra)) {
		directive, err := app.ParseDirective(kind, name, p.Extra[name])
		if t.Known(name + p.Extra[name]) {
			t.Add(fmt.Sprintf("%s.extra[%q]", field, name), err)
		}
		out.Extra = append(out.Extra, directive)
	}
	out.Template = t.unitTemplate(field+".unit_template", p.UnitTemplate)
	return out
}

func (t *translator) unitTemplate(field, name string) *unittemplate.File {
	if name == "" {
		return nil
	}
	text, ok := t.read(field, name)
	if !ok {
		return nil
	}
	file, err := unittemplate.ParseFile(name, text)
	if err != nil {
		t.Addf(field, "%w: the file is a Go template (pkg.go.dev/text/template); docs/unit-templates.md tells what may stand in it", err)
	}
	return file
}

// optional parses a text that may be left out.
func optional[T ~string](t *translator, field, text string, parse func(string) (T, error)) T {
	if text == "" {
		return ""
	}
	return problem.Parse(&t.List, field, text, parse)
}

// unit is the configured name of a service, or else fallback, which is made of
// the app's own names.
func (t *translator) unit(field, configured, fallback string, a app.App) systemd.UnitName {
	if configured == "" && (a.Name == "" || a.Stage == "") {
		return "" // reported already
	}
	prefix := either(configured, fallback)
	if strings.HasSuffix(prefix, ".service") {
		t.Addf(field+".unit_name", "%q: leave \".service\" out, it is added", prefix)
	}
	return problem.Parse(&t.List, field+".unit_name", prefix, func(text string) (systemd.UnitName, error) {
		return systemd.ParseUnitName(text, "service")
	})
}

// version is 0 when it is not known; what is wrong with it, notify reports.
func version(text string, gem app.Gem) app.Version {
	v, _ := gem.ParseVersion(text)
	return v
}

// notify decides between Type=notify and Type=simple.
func (t *translator) notify(field, version, kind string, gem app.Gem) bool {
	kind = choice(t, field+".type", kind, "", "simple", "notify")
	if version == "" || !t.Known(version) {
		if kind == "notify" && version == "" {
			t.Addf(field+".type", "\"notify\" needs to know that %s can tell systemd when it is ready, or every start would end in a time-out; write version = %q, or whichever Gemfile.lock has", gem.Name, gem.Example)
		}
		return kind == "notify"
	}
	parsed, err := gem.ParseVersion(version)
	switch {
	case err != nil:
		t.Add(field+".version", err)
	case kind == "notify" && !parsed.AtLeast(gem.NotifiesWithGem):
		t.Addf(field+".type", "\"notify\" does not work with %s %s, which never tells systemd that it is ready: systemd would kill it at every start; write \"simple\", or use %s %s or later", gem.Name, version, gem.Name, gem.Notifies)
	}
	return kind == "notify" || kind == "" && parsed.AtLeast(gem.Notifies)
}

// stopMargin is what Sidekiq gets to give jobs back after its own time-out.
const stopMargin = 10 * time.Second

func (t *translator) sidekiq(field string, s *Sidekiq, a app.App) app.Sidekiq {
	out := app.Sidekiq{
		Name:        optional(t, field+".name", s.Name, app.ParseSidekiqName),
		Version:     version(s.Version, app.SidekiqGem()),
		Notify:      t.notify(field, s.Version, s.Type, app.SidekiqGem()),
		Config:      optional(t, field+".config", s.Config, app.ParseReleasePath),
		Concurrency: s.Concurrency,
		Timeout:     t.duration(field+".timeout", s.Timeout, 25*time.Second, time.Second, time.Hour),
		Quiet:       t.duration(field+".quiet_timeout", s.QuietTimeout, 0, 0, time.Hour),
		Process:     t.process(field, "sidekiq", &s.Process),
	}
	t.between(field+".concurrency", s.Concurrency, 0, 1024)
	for i, q := range s.Queues {
		out.Queues = append(out.Queues, problem.Parse(&t.List, fmt.Sprintf("%s.queues[%d]", field, i), q, app.ParseQueue))
	}
	switch {
	case s.StopTimeout == "":
		out.Restart.Stop = out.Timeout + stopMargin
	case t.Known(s.StopTimeout+s.Timeout) && out.Restart.Stop <= out.Timeout:
		t.Addf(field+".stop_timeout", "%q is not longer than timeout, %s: systemd would kill Sidekiq before it has given its jobs back, and they would be lost; leave it out, or write for example %q", s.StopTimeout, out.Timeout, out.Timeout+stopMargin)
	}
	if s.Name == "" || out.Name != "" { // else it was reported already
		out.Unit = t.unit(field, s.UnitName, app.SidekiqUnit(a.Name, a.Stage, out.Name), a)
	}
	return out
}

func (t *translator) command(field string, s *Service, a app.App) app.Command {
	out := app.Command{
		Type:    choice(t, field+".type", s.Type, "simple", "exec", "notify"),
		Words:   problem.Parse(&t.List, field+".command", s.Command, app.ParseWords),
		Process: t.process(field, "service", &s.Process),
	}
	if s.Name == "" {
		t.Addf(field+".name", "is missing: the unit and the log are named after it; write for example name = \"clockwork\"")
	} else {
		out.Name = problem.Parse(&t.List, field+".name", s.Name, app.ParseServiceName)
	}
	if out.Name != "" {
		out.Unit = t.unit(field, s.UnitName, fmt.Sprintf("%s_%s_%s", a.Name, out.Name, a.Stage), a)
	}
	return out
}
