package status

import "fmt"

func (a *adviser) app(app App) {
	if app.Values == ValuesMissing && a.FirstBoot.State == HookSucceeded {
		a.wrong(ValuesAreGone, app.Name, "somebody has removed the instance values of "+app.Name+" since the first-boot hook succeeded",
			"have the hook write them again")
		a.byRoot("systemctl restart " + a.FirstBoot.Unit.Name)
	}
	switch app.Deployed {
	case DanglingLink:
		a.wrong(CurrentDangles, app.Name, app.Current+" leads to a release that is not there: "+app.Release, "deploy again")
	case NotDeployed:
		if s := app.Starter; s.LoadState != "" && s.ActiveState != "active" {
			a.wrong(StarterIsOff, s.Name,
				fmt.Sprintf("%s is %s, so %s would not start at its first deploy", s.Name, s.ActiveState, app.Name),
				"enable and start it")
			a.byUser("systemctl --user reset-failed "+s.Name, "systemctl --user enable --now "+s.Name)
		}
	}
	for _, s := range app.Services {
		if s.LoadState == "" {
			continue // the manager did not answer, which is told elsewhere
		}
		if !a.file(s.Unit) && app.Deployed == IsDeployed && !a.lacksValues(app, s) {
			a.service(s)
		}
	}
}

// lacksValues tells whether a service is down because the hook has failed, which is
// one problem and not one for each service.
func (a *adviser) lacksValues(app App, s Service) bool {
	return a.FirstBoot.State != HookSucceeded && app.Values == ValuesMissing && !s.Running()
}

// file judges a unit's file, and tells whether that is why it cannot run.
func (a *adviser) file(u Unit) (cannotRun bool) {
	const reload = "systemctl --user daemon-reload"
	start := "systemctl --user start " + u.Name
	switch {
	case u.LoadState == "masked":
		a.wrong(UnitIsMasked, u.Name, u.Name+" is masked, so it cannot start", "unmask and start it")
		a.byUser("systemctl --user unmask "+u.Name, start)
		return true
	case u.LoadState == "not-found":
		a.wrong(UnitIsNotFound, u.Name, "systemd finds no "+u.Name,
			"have it look again; if that does not help, `deployhost verify` as root tells what is missing, and the image has to be baked anew")
		a.byUser(reload, start)
		return true
	case u.LoadState != "loaded":
		a.wrong(UnitIsBad, u.Name, fmt.Sprintf("systemd cannot read %s (%s)", u.Name, u.LoadState),
			"see which line it is, and bake the image anew")
		a.byUser("systemd-analyze --user verify " + u.Name)
		return true
	case u.NeedsReload:
		a.wrong(UnitHasChanged, u.Name, u.Name+" has changed on disk since systemd read it",
			"have it read again, and restart it; a change that is to stay belongs into the image")
		a.byUser(reload, "systemctl --user restart "+u.Name)
	}
	// One that is down as well was turned off: that is one problem.
	if u.UnitFileState == "disabled" && u.ActiveState != "inactive" {
		a.wrong(UnitIsDisabled, u.Name, u.Name+" is disabled, so it does not start at boot", "enable it")
		a.byUser("systemctl --user enable " + u.Name)
	}
	return false
}
