package status

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

func (p *screen) app(app App) {
	deployed := map[Deployed]string{
		NotDeployed: "not deployed yet", IsDeployed: "release " + app.Release, DanglingLink: "release " + app.Release + " is GONE",
	}[app.Deployed]
	p.line(fmt.Sprintf("\n%s (%s), %s%s", app.Name, app.Stage, deployed, choose(app.Values == ValuesMissing, ", WITHOUT its values", "")))
	longest := 0
	for _, s := range app.Services {
		longest = max(longest, utf8.RuneCountInString(app.label(s)))
	}
	for _, s := range app.Services {
		p.wrap(fmt.Sprintf("  %-*s ", longest, app.label(s)), longest+3, p.service(s))
		p.log(s)
	}
}

// label is short: what its app's heading says is left out.
func (a App) label(s Service) string {
	name := strings.TrimSuffix(s.Name, ".service")
	if short, ok := strings.CutPrefix(name, a.Name+"_"); ok {
		if short, ok = strings.CutSuffix(short, "_"+a.Stage); ok {
			return short
		}
	}
	return name
}

func (p *screen) service(s Service) string {
	if s.LoadState == "" {
		return "unknown"
	}
	text := s.ActiveState
	if s.LoadState != "loaded" {
		text = s.LoadState
	} else if s.SubState != "running" && s.SubState != s.ActiveState && s.SubState != "dead" {
		text += " (" + s.SubState + ")"
	}
	if !s.Since.IsZero() {
		text += " since " + p.since(s.Since)
	}
	if !s.Running() && s.Result != "" && s.Result != "success" {
		text += ", " + s.ending()
	}
	text += ", " + counted(s.Restarts, "restart")
	if s.MemoryBytes > 0 && s.Running() {
		text += fmt.Sprintf(", %d MiB", s.MemoryBytes>>20)
	}
	if s.Health != nil {
		text += choose(s.Health.OK, ", healthy", ", NOT healthy")
	}
	if s.Socket != nil && s.Socket.ActiveState == "failed" {
		text += ", socket failed"
	}
	if s.Monit != nil && len(s.Monit.Failed) > 0 {
		text += ", monit: " + strings.Join(s.Monit.Failed, " ")
	}
	return text
}

// log shows the end of what a service has said. All services that are down share
// the screen.
func (p *screen) log(s Service) {
	if s.Log == nil {
		return
	}
	down := 0
	for _, app := range p.report.Apps {
		for _, other := range app.Services {
			if other.Log != nil {
				down++
			}
		}
	}
	for _, line := range last(s.Log.Lines, max(2, maxLogLines/down)) {
		text := "    | " + line.Text
		if !line.At.IsZero() {
			text = "    | " + line.At.In(p.zone).Format("15:04:05 ") + line.Text
		}
		if runes := []rune(text); len(runes) > width {
			text = string(runes[:width-1]) + "…"
		}
		p.line(text)
	}
	if s.Log.Error != "" {
		p.wrap("    | ", 6, "no log: "+s.Log.Error)
	}
}
