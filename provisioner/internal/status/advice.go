package status

import (
	"fmt"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

// ID is a kind of problem.
type ID string

// Kinds of problem. docs/status.md lists them.
const (
	UserDiffers     ID = "user_differs"
	NotLingering    ID = "not_lingering"
	ManagerIsOff    ID = "manager_off"
	ManagerIsSilent ID = "manager_silent"
	RubyIsMissing   ID = "ruby_missing"
	RubyIsBroken    ID = "ruby_broken"
	HookHasNotRun   ID = "hook_not_run"
	HookIsRunning   ID = "hook_running"
	HookHasFailed   ID = "hook_failed"
	ValuesAreGone   ID = "values_missing"
	MonitIsDown     ID = "monit_down"
	MonitIsSilent   ID = "monit_silent"
	MonitDoesNotSee ID = "monit_not_watching"
	MonitFinds      ID = "monit_finds"
	DiskIsFull      ID = "disk_full"
	InodesAreUsedUp ID = "inodes_used_up"
	NotLookedAt     ID = "not_looked_at"
	CurrentDangles  ID = "current_dangling"
	StarterIsOff    ID = "starter_off"
	UnitIsMasked    ID = "unit_masked"
	UnitIsNotFound  ID = "unit_not_found"
	UnitIsBad       ID = "unit_bad"
	UnitIsDisabled  ID = "unit_disabled"
	UnitHasChanged  ID = "unit_changed"
	ServiceFailed   ID = "service_failed"
	ServiceLoops    ID = "service_loops"
	ServiceStarting ID = "service_starting"
	ServiceStopped  ID = "service_stopped"
	ServiceNoAnswer ID = "service_no_answer"
	SocketHasFailed ID = "socket_failed"
)

// Judge finds what is wrong, and what to do about it. It looks at s alone.
func Judge(s State) *Report {
	a := &adviser{State: s, problems: []Problem{}}
	a.user()
	a.hook()
	a.ruby()
	for _, app := range s.Apps {
		a.app(app)
	}
	a.monit()
	a.disks()
	for _, missed := range s.Missed {
		a.wrong(NotLookedAt, "", "could not look at "+missed, "try again; this may tell what hangs")
		a.byRoot("journalctl -b -p err")
	}
	return &Report{Format: Format, OK: len(a.problems) == 0, State: s, Problems: a.problems}
}

type adviser struct {
	State
	problems []Problem
}

func (a *adviser) wrong(id ID, about, what, do string) {
	a.problems = append(a.problems, Problem{ID: id, About: about, What: what, Do: do})
}

// byRoot adds commands that take root to the latest problem.
func (a *adviser) byRoot(commands ...string) {
	p := &a.problems[len(a.problems)-1]
	p.Run, p.RunAs = append(p.Run, commands...), Root
}

// byUser adds commands for the user's manager. For root they are those of a
// login, as `su -` makes one: it finds the manager; `su` and `sudo -u` do not.
func (a *adviser) byUser(commands ...string) {
	p := &a.problems[len(a.problems)-1]
	p.RunAs = a.AskedBy
	for _, command := range commands {
		if a.AskedBy == Root {
			command = fmt.Sprintf("su - %s -c '%s'", a.User.Name, command)
		}
		p.Run = append(p.Run, command)
	}
}

func (a *adviser) user() {
	u := a.User
	unit := managerUnit(u.UID)
	if u.Differs != "" {
		a.wrong(UserDiffers, u.Name, u.Differs, deployuser.MismatchRemedy)
	}
	if !u.Lingering {
		a.wrong(NotLingering, u.Name, u.Name+" does not linger: its services stop at logout and do not start at boot", "let it linger")
		a.byRoot("loginctl enable-linger " + u.Name)
	}
	switch {
	case u.Manager == ManagerOff && a.FirstBoot.State == HookRunning: // it comes after the hook
	case u.Manager == ManagerOff:
		a.wrong(ManagerIsOff, unit, fmt.Sprintf("the systemd manager of %s is not running, and so none of its services is", u.Name),
			"start it; the journal of "+unit+" tells why it is down")
		a.byRoot("systemctl start " + unit)
	case u.Manager == ManagerSilent:
		a.wrong(ManagerIsSilent, unit, fmt.Sprintf("the systemd manager of %s does not answer", u.Name),
			"start it anew, which restarts its services too")
		a.byRoot("systemctl restart " + unit)
	}
}

func (a *adviser) ruby() {
	if a.Ruby == nil {
		return
	}
	switch a.Ruby.State {
	case RubyMissing:
		a.wrong(RubyIsMissing, a.Ruby.Version, "Ruby "+a.Ruby.Version+" is missing from rbenv",
			"bake the image anew; this tells what else is missing")
		a.byRoot("deployhost verify")
	case RubyBroken:
		a.wrong(RubyIsBroken, a.Ruby.Version, "Ruby "+a.Ruby.Version+" does not run: "+a.Ruby.Error,
			"see which library it lacks, add its package to `packages`, and bake the image anew")
		a.byRoot("deployhost verify")
	}
}

// fullAt is where a deploy, or the journal, begins to fail.
const fullAt = 95

func (a *adviser) disks() {
	const do = "see what takes it; of old releases, Capistrano keeps as many as keep_releases says"
	for _, d := range a.Disks {
		if d.UsedPercent >= fullAt {
			a.wrong(DiskIsFull, d.Path, fmt.Sprintf("the disk at %s is %d%% full", d.Path, d.UsedPercent), do)
			a.byRoot("du -xh " + d.Path + " | sort -h | tail")
		}
		if d.InodesUsedPercent >= fullAt {
			a.wrong(InodesAreUsedUp, d.Path, fmt.Sprintf("%d%% of the inodes at %s are used", d.InodesUsedPercent, d.Path), do)
			a.byRoot("du -x --inodes " + d.Path + " | sort -n | tail")
		}
	}
}
