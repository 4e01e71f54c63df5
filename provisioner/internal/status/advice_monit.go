package status

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func (a *adviser) monit() {
	if a.Monit == nil {
		return
	}
	unit := a.Monit.Unit
	down := func(how, do string, commands ...string) {
		a.wrong(MonitIsDown, unit.Name, "monit is "+how+": nobody looks after hanging services", do)
		a.byRoot(commands...)
	}
	const syntax = "monit -t"
	switch {
	case unit.LoadState == "": // PID 1 did not answer, which is told elsewhere
		return
	case unit.LoadState == "masked":
		down("masked", "unmask and start it", "systemctl unmask monit", "systemctl start monit")
		return
	case unit.LoadState == "not-found":
		down("not installed", "install it, or bake with monit { policy = \"systemd\" }", "apt-get install monit")
		return
	case unit.ActiveState != "active":
		down(unit.ActiveState, "see whether its files are right, and start it", syntax, "systemctl restart monit")
		return
	case a.Monit.View == MonitNoAnswer:
		a.wrong(MonitIsSilent, unit.Name, "monit runs, but tells nothing: "+a.Monit.Error, "start it anew")
		a.byRoot("systemctl restart monit")
	}
	for _, app := range a.Apps {
		a.monitOf(app)
	}
}

func (a *adviser) monitOf(app App) {
	// The hook shows monit the checks, and only once it has succeeded.
	if app.Watched == WatchedNever || app.Deployed != IsDeployed || a.FirstBoot.State != HookSucceeded {
		return
	}
	if !a.monitHasLooked(app) {
		return
	}
	if app.Watched == WatchedNotYet {
		a.wrong(MonitDoesNotSee, app.Name, "monit does not watch "+app.Name, "give it the app's checks")
		a.byRoot("deployhost monit-link " + app.Name)
		return
	}
	for _, s := range app.Services {
		name := strings.TrimSuffix(s.Name, ".service")
		switch {
		case a.Monit.View != MonitSeen:
		case s.Monit == nil:
			a.wrong(MonitDoesNotSee, s.Name, "monit does not know "+name, "see whether its files are right, and have it read them")
			a.byRoot("monit -t", "systemctl reload monit")
		case !s.Monit.Monitored:
			a.wrong(MonitDoesNotSee, s.Name, "somebody told monit to leave "+name+" alone", "have it watch again")
			a.byRoot("monit monitor " + name)
		// What is down for systemd has been told already.
		case len(s.Monit.Failed) > 0 && s.Running() && (s.Health == nil || s.Health.OK):
			a.wrong(MonitFinds, s.Name, fmt.Sprintf("monit finds fault with %s: %s", name, strings.Join(s.Monit.Failed, ", ")),
				"wait for its next round; it tells the whole")
			a.byRoot("monit status " + name)
		}
	}
}

// monitHasLooked is false for a while after a start: monit sees the new process,
// or is given the checks at the first deploy, a round later.
func (a *adviser) monitHasLooked(app App) bool {
	rounds := max(time.Minute, 2*time.Duration(a.Monit.IntervalSeconds)*time.Second)
	return !slices.ContainsFunc(app.Services, func(s Service) bool { return s.Running() && a.At.Sub(s.Since) < rounds })
}
