package status

import (
	"regexp"
	"strings"
)

func (a *adviser) hook() {
	f := a.FirstBoot
	unit := f.Unit.Name
	switch f.State {
	case HookFailed:
		for _, p := range f.Problems {
			// That is told already, as it is now.
			if a.User.Differs != "" && strings.HasPrefix(p, "deploy user:") {
				continue
			}
			a.wrong(HookHasFailed, valueOf(p), "first-boot hook: "+p, "wait, since the hook tries again every 15 s; this makes it try at once")
			a.byRoot("systemctl restart " + unit)
		}
	case HookUnreadable:
		a.wrong(HookHasFailed, unit, strings.Join(f.Problems, "; "), "run the hook again")
		a.byRoot("systemctl restart " + unit)
	case HookRunning:
		waits := "is at work"
		if len(f.WaitsFor) > 0 {
			waits = "waits for " + strings.Join(f.WaitsFor, ", ")
		}
		a.wrong(HookIsRunning, unit, "the first-boot hook "+waits+", so no app has its values yet", "wait; this tells how it goes")
		a.byRoot("journalctl -b -u " + unit)
	case HookNotRun:
		a.hookNotRun(f.Unit)
	}
}

func (a *adviser) hookNotRun(u Unit) {
	wrong := func(why, do string, commands ...string) {
		a.wrong(HookHasNotRun, u.Name, "the first-boot hook has not run in this boot"+why, do)
		a.byRoot(commands...)
	}
	switch {
	case u.LoadState == "masked":
		wrong(": its unit is masked", "unmask and start it", "systemctl unmask "+u.Name, "systemctl start "+u.Name)
	case u.LoadState == "not-found":
		wrong(": its unit is missing", "bake the image anew; this tells what else is missing", "deployhost verify")
	case u.UnitFileState == "disabled":
		wrong(": its unit is disabled", "enable it", "systemctl enable --now "+u.Name)
	default:
		wrong("", "run it, and see what it says", "systemctl restart "+u.Name, "journalctl -b -u "+u.Name)
	}
}

// ofValue is how a problem of the hook's begins when it is about a value.
var ofValue = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)(?:: | from )`)

// valueOf is the name of the value that a problem of the hook's is about; empty
// when it is about something else.
func valueOf(problem string) string {
	if found := ofValue.FindStringSubmatch(problem); found != nil {
		return found[1]
	}
	return ""
}
