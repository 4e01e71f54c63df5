package status

import (
	"fmt"
	"strings"
)

func (p *screen) head() {
	r := p.report
	p.row("host", "%s, %s", r.Host, r.At.In(p.zone).Format("2006-01-02 15:04:05 MST"))
	manager := r.User.Manager
	if !r.User.ManagerSince.IsZero() {
		manager += " since " + p.since(r.User.ManagerSince)
	}
	p.row("user", "%s (uid %d)%s, %s, manager %s", r.User.Name, r.User.UID, choose(r.User.Differs == "", "", ", NOT as baked"),
		choose(r.User.Lingering, "lingering", "NOT lingering"), manager)
	if ruby := r.Ruby; ruby != nil {
		p.row("ruby", "%s %s%s; rbenv has %s", ruby.Version, ruby.State, choose(ruby.Runs == "", "", ": "+firstWords(ruby.Runs, 2)),
			choose(len(ruby.Installed) == 0, "none", strings.Join(ruby.Installed, " ")))
	}
	if r.Monit != nil {
		p.row("monit", "%s", p.monit(*r.Monit))
	}
	var disks []string
	for _, d := range r.Disks {
		inodes := ""
		if d.InodesUsedPercent > d.UsedPercent {
			inodes = fmt.Sprintf(" (inodes %d%%)", d.InodesUsedPercent)
		}
		disks = append(disks, fmt.Sprintf("%s %d%%%s", d.Path, d.UsedPercent, inodes))
	}
	p.row("disks", "%s full", strings.Join(disks, ", "))
	p.row("hook", "%s", p.hook(r.FirstBoot))
}

func (p *screen) monit(m Monit) string {
	text := m.Unit.ActiveState
	if text == "" || m.Unit.LoadState != "loaded" {
		text = choose(m.Unit.LoadState == "", "unknown", m.Unit.LoadState)
	}
	if !m.Unit.Since.IsZero() {
		text += " since " + p.since(m.Unit.Since)
	}
	switch m.View {
	case MonitSeen:
		text += ", " + counted(m.Services, "check")
	case MonitRootOnly:
		text += "; what it finds, only root may ask"
	case MonitNoAnswer:
		text += ", gives no answer"
	}
	return text
}

func (p *screen) hook(f FirstBoot) string {
	text := strings.ReplaceAll(string(f.State), "_", " ")
	if f.State == HookFailed {
		text = "FAILED"
	}
	if len(f.WaitsFor) > 0 {
		text += ", waits for " + strings.Join(f.WaitsFor, " ")
	}
	if f.Attempt == 0 {
		return text
	}
	text += fmt.Sprintf(" %s in %.3f s", p.since(f.At), f.Seconds)
	if f.Attempt > 1 {
		text += fmt.Sprintf(", attempt %d", f.Attempt)
	}
	if f.Source != "none" {
		text += ", from " + f.Source
	}
	if f.InstanceID != "" {
		text += ", " + f.InstanceID
	}
	return text
}
