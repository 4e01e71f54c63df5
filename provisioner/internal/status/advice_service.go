package status

import (
	"fmt"
	"slices"
	"time"
)

// slowStart is what hardly any app needs; systemd's own limit is the unit's.
const slowStart = 45 * time.Second

func (a *adviser) service(s Service) {
	// A service that requires a socket cannot do better.
	if s.Socket != nil && a.socket(*s.Socket, s) && !s.Running() {
		return
	}
	start := []string{"systemctl --user reset-failed " + s.units(), "systemctl --user start " + s.Name}
	switch {
	case s.ActiveState == "failed":
		a.wrong(ServiceFailed, s.Name, fmt.Sprintf("%s has failed (%s), and systemd has given up on it%s", s.Name, s.ending(), s.waiting()),
			s.cure()+"; then clear the failure and start it")
		a.byUser(append(s.logCommand(), start...)...)
	case s.loops(a.At):
		a.wrong(ServiceLoops, s.Name,
			fmt.Sprintf("%s ends again and again (%s, %s)", s.Name, s.ending(), counted(s.Restarts, "restart")), s.cure())
		a.byUser(s.logCommand()...)
	case s.ActiveState == "activating" && !s.Since.IsZero() && a.At.Sub(s.Since) > slowStart:
		a.wrong(ServiceStarting, s.Name, fmt.Sprintf("%s has been starting for %s", s.Name, since(s.Since, a.At)),
			"wait for its start_timeout; if it never gets ready, its puma { version } or type may promise a notify that does not come")
	case s.ActiveState == "inactive":
		a.stopped(s, start)
	case s.Health != nil && !s.Health.OK:
		a.wrong(ServiceNoAnswer, s.Name, fmt.Sprintf("%s runs, but is not healthy: %s", s.Name, s.Health.Error),
			"mend what its log says, and restart it")
		a.byUser(append(s.logCommand(), "systemctl --user restart "+s.Name)...)
	}
}

func (a *adviser) stopped(s Service, start []string) {
	why, do := "somebody has stopped it, or nobody started it after the deploy", "start it"
	switch {
	case s.UnitFileState == "disabled":
		why, do = "somebody has disabled it", "enable and start it, if it is to run"
		start = []string{"systemctl --user enable --now " + s.Name}
	case s.ConditionUnmet:
		why = "a condition of its unit did not hold at the latest start"
	}
	a.wrong(ServiceStopped, s.Name, s.Name+" is not running: "+why+s.waiting(), do)
	a.byUser(start...)
}

// socket tells whether the socket of a service is at fault.
func (a *adviser) socket(u Unit, of Service) bool {
	if a.file(u) {
		return true
	}
	// These it has of its service (systemd.socket(5), TriggerLimitBurst=).
	if u.ActiveState != "failed" || u.Result == "service-start-limit-hit" || u.Result == "trigger-limit-hit" {
		return false
	}
	a.wrong(SocketHasFailed, u.Name, fmt.Sprintf("%s has failed (%s)", u.Name, u.Result),
		"see whether another process has its address, and end that; then start it anew")
	a.byUser("ss -ltnxp", "systemctl --user reset-failed "+of.units(), "systemctl --user restart "+of.Name)
	return true
}

// units are all that may have failed when a service is not there.
func (s Service) units() string {
	if s.Socket == nil {
		return s.Name
	}
	return s.Name + " " + s.Socket.Name
}

// waiting tells of a socket without its service.
func (s Service) waiting() string {
	if s.Socket != nil && s.Socket.ActiveState == "active" && slices.Contains([]string{"failed", "inactive"}, s.ActiveState) {
		return "; its socket still takes connections, which nobody answers"
	}
	return ""
}

// logCommand shows more of what a service has said.
func (s Service) logCommand() []string {
	if s.Log != nil && s.Log.File != "" {
		return []string{"tail " + s.Log.File}
	}
	return []string{"journalctl --user-unit " + s.Name + " -n 50"}
}

// ending says how a service came to its end.
func (s Service) ending() string {
	if s.Exit == nil || s.Result == "resources" {
		return s.Result
	}
	how := map[string]string{"exited": "exit status", "killed": "killed by signal", "dumped": "dumped core at signal"}[s.Exit.Code]
	return fmt.Sprintf("%s: %s %d", s.Result, how, s.Exit.Status)
}

// execCures are for exit statuses that tell the cause: systemd's own
// (systemd.exec(5), PROCESS EXIT CODES), and those of programs that run others.
var execCures = map[int]string{
	127: "the command in its ExecStart= is not found: look whether the Gemfile has it",
	126: "the command in its ExecStart= cannot be run: give it mode 0755",
	200: "its release is gone: deploy again",
	203: "the program in its ExecStart= cannot be run: `deployhost verify` as root tells what is missing",
	216: "take User=, Group= and SupplementaryGroups= out of the unit",
	226: "take out what needs namespaces, such as PrivateTmp=, from `extra`",
}

// cure is what to do before a service is started again.
func (s Service) cure() string {
	if s.Exit != nil && s.Exit.Code == "exited" && execCures[s.Exit.Status] != "" {
		return execCures[s.Exit.Status]
	}
	switch s.Result {
	case "resources":
		return "see whether its EnvironmentFile= and its log's directory are there"
	case "oom-kill":
		return "it had too little memory: raise memory_max, or lower puma's workers"
	case "timeout":
		return "it was not ready within its start_timeout, or did not stop in time: see its log"
	case "watchdog":
		return "it hung, and its watchdog ended it: see its log"
	case "protocol":
		return "it did not tell systemd that it was ready: see puma { version } and type"
	}
	return "mend what its log says"
}
