package deployhost

import (
	"fmt"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/monitrc"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/monit"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/plan"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/problem"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

func (t *translator) monit(m *Monit) *monit.Monit {
	if m == nil {
		m = &Monit{}
	}
	out := &monit.Monit{
		Interval:     t.duration("monit.interval", m.Interval, 30*time.Second, time.Second, time.Hour),
		Mail:         t.mail(m.Mail),
		AlertProgram: string(optional(t, "monit.alert_program", m.AlertProgram, systemd.ParseSafePath)),
	}
	if out.Mail != nil && out.AlertProgram != "" {
		t.Addf("monit.alert_program", "cannot be had beside mail: monit would run it and mail for each failure, and then mail once more for what it repairs; let the program mail, or leave one of them out")
	}
	if choice(t, "monit.policy", m.Policy, "both", "systemd") == "both" {
		return out
	}
	if m.Interval != "" || m.Mail != nil || m.AlertProgram != "" {
		t.Addf("monit.policy", "\"systemd\" leaves monit out, so interval, mail and alert_program have no meaning: remove them, or write policy = \"both\"")
	}
	return nil
}

func (t *translator) mail(m *MonitMail) *monit.Mail {
	if m == nil {
		return nil
	}
	out := &monit.Mail{
		From:   problem.Parse(&t.List, "monit.mail.from", m.From, monit.ParseAddress),
		Server: problem.Parse(&t.List, "monit.mail.server", either(m.Server, "localhost"), monit.ParseServer),
		Port:   either(m.Port, 25),
		TLS:    m.TLS,
	}
	t.between("monit.mail.port", out.Port, 1, 65535)
	if len(m.To) == 0 {
		t.Addf("monit.mail.to", "is missing: nobody would be mailed; write for example to = [\"ops@example.com\"]")
	}
	for i, to := range m.To {
		out.To = append(out.To, problem.Parse(&t.List, fmt.Sprintf("monit.mail.to[%d]", i), to, monit.ParseAddress))
	}
	return out
}

func (t *translator) watch(field string, w *Watch) app.Watch {
	if w == nil {
		return app.Watch{}
	}
	out := app.Watch{
		Memory:    optional(t, field+".memory", w.Memory, app.ParseMemory),
		CPU:       optional(t, field+".cpu", w.CPU, app.ParsePercent),
		Exceeded:  t.span(field+".exceeded_for", w.ExceededFor, 5*time.Minute),
		Limit:     w.RestartLimit,
		Window:    t.span(field+".limit_window", w.LimitWindow, time.Hour),
		AlertOnly: choice(t, field+".at_limit", w.AtLimit, "unmonitor", "alert") == "alert",
	}
	t.between(field+".restart_limit", out.Limit, 0, 100)
	if w.ExceededFor != "" && w.Memory+w.CPU == "" {
		t.Addf(field+".exceeded_for", "has no meaning without memory or cpu: write one of them, or leave it out")
	}
	if w.LimitWindow+w.AtLimit != "" && w.RestartLimit == 0 {
		t.Addf(field+".restart_limit", "is missing: limit_window and at_limit have no meaning without it; write for example restart_limit = 3, or leave them out")
	}
	return out
}

// span is a time of which 0 says that it was left out.
func (t *translator) span(field, text string, example time.Duration) time.Duration {
	if text == "" || !t.Known(text) {
		return 0
	}
	return t.duration(field, text, example, time.Second, 24*time.Hour)
}

// supervision checks what depends on monit's settings and on a service alike,
// once each of them is right by itself.
func (t *translator) supervision(c *Config, h plan.Host) {
	for i, a := range h.Apps {
		fields := serviceFields(fmt.Sprintf("app[%d]", i), &c.Apps[i])
		for j, watched := range a.Watched(app.Host{}) {
			switch {
			case h.Monit != nil:
				t.rounds(fields[j], watched, *h.Monit)
			case watched.Watch != app.Watch{}:
				t.Addf(fields[j]+".watch", "has no meaning with monit.policy = \"systemd\", which leaves monit out: remove it, or write policy = \"both\"")
			}
		}
	}
	if h.Monit != nil {
		t.rootsOwn(h)
	}
}

// rounds are what monit counts time in, and it does not count far.
func (t *translator) rounds(field string, watched app.Watched, m monit.Monit) {
	const longer = "monit counts at most %d rounds in a row, and one more would stop monit for everything; write at most %q, or a longer monit.interval than %s"
	longest := m.Longest()
	if m.Cycles(watched.Settle) > monitrc.MaxCycles {
		t.Addf(field+".start_timeout", "%s with restart_delay is more than monit can wait for: "+longer, watched.Settle, monitrc.MaxCycles, longest-m.Interval, m.Interval)
	}
	if watched.Watch.Exceeded > longest {
		t.Addf(field+".watch.exceeded_for", "%s is more than monit can wait for: "+longer, watched.Watch.Exceeded, monitrc.MaxCycles, longest, m.Interval)
	}
	least := m.LeastWindow(monit.Check{Limit: watched.Watch.Limit, Stop: watched.Stop, Settle: watched.Settle})
	if watched.Watch.Window != 0 && watched.Watch.Window < least {
		t.Addf(field+".watch.limit_window", "%s is too short for %d restarts, and the limit would never be met: with stop_timeout, restart_delay, start_timeout and monit's rounds they take %s; write that or more, or leave it out", watched.Watch.Window, watched.Watch.Limit, least)
	}
}

// rootsOwn keeps root from running what the deploy user may write.
func (t *translator) rootsOwn(h plan.Host) {
	dirs := []systemd.SafePath{h.User.Home}
	for _, a := range h.Apps {
		dirs = append(dirs, a.DeployTo)
	}
	for _, dir := range dirs {
		if dir != "" && strings.HasPrefix(h.Monit.AlertProgram, string(dir)+"/") {
			t.Addf("monit.alert_program", "%q is in a directory of the deploy user's, and root would run whatever that user puts there: write a path that only root can change, for example \"/usr/local/bin/page\"", h.Monit.AlertProgram)
			return
		}
	}
}

// serviceFields are the paths of an app's services, in their order.
func serviceFields(field string, a *App) []string {
	var out []string
	if a.Puma != nil {
		out = append(out, field+".puma")
	}
	for i := range a.Sidekiqs {
		out = append(out, fmt.Sprintf("%s.sidekiq[%d]", field, i))
	}
	for i := range a.Services {
		out = append(out, fmt.Sprintf("%s.service[%d]", field, i))
	}
	return out
}
