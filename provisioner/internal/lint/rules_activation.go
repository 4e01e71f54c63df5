package lint

import (
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/unitfile"
)

// at is the line of a section's header, where what is missing belongs.
func (u unit) at(section string) int {
	for _, s := range u.Sections {
		if s.Name == section {
			return s.Line
		}
	}
	return 1
}

var gateKeys = []string{"ConditionPathExists", "ConditionPathIsDirectory", "ConditionPathIsSymbolicLink", "ConditionDirectoryNotEmpty"}

// gates are the paths of Condition…= lines that hold a unit back.
func (u unit) gates() []string {
	var out []string
	for _, key := range gateKeys {
		for _, a := range u.List("Unit", key) {
			if !strings.HasPrefix(a.Value, "!") {
				out = append(out, strings.TrimPrefix(a.Value, "|"))
			}
		}
	}
	return out
}

// gated tells whether a unit waits for the first deploy. Without knowing the
// link, any path will do.
func (u unit) gated() bool {
	gates := u.gates()
	if u.facts.Current == "" {
		return len(gates) > 0
	}
	return slices.ContainsFunc(gates, func(p string) bool {
		return p == u.facts.Current || strings.HasPrefix(p, u.facts.Current+"/")
	})
}

// serviceGate reports services that start, and fail, before the first deploy.
func serviceGate(u unit) []hit {
	if u.kind() != "service" || u.dropIn || u.facts.Current == "" || u.gated() {
		return nil
	}
	return []hit{hitf(u.at("Unit"), "nothing holds the service back before the first deploy")}
}

// socketGate reports sockets that listen before there is something to start.
func socketGate(u unit) []hit {
	if u.kind() != "socket" || u.dropIn || u.gated() {
		return nil
	}
	return []hit{hitf(u.at("Unit"), "nothing holds the socket back before the first deploy")}
}

var listenKeys = []string{"ListenStream", "ListenDatagram", "ListenSequentialPacket", "ListenFIFO", "ListenSpecial",
	"ListenNetlink", "ListenMessageQueue", "ListenUSBFunction"}

// socketListen reports sockets that listen nowhere.
func socketListen(u unit) []hit {
	if u.kind() != "socket" || u.dropIn {
		return nil
	}
	for _, key := range listenKeys {
		if len(u.List("Socket", key)) > 0 {
			return nil
		}
	}
	return []hit{hitf(u.at("Socket"), "the socket has no ListenStream=")}
}

// pathService reports path units that start a service themselves.
func pathService(u unit) []hit {
	if u.kind() != "path" || u.dropIn {
		return nil
	}
	at, name := u.at("Path"), strings.TrimSuffix(u.name, ".path")+".service"
	if a, ok := u.Last("Path", "Unit"); ok {
		at, name = a.Line, a.Value
	}
	if !strings.HasSuffix(name, ".service") {
		return nil
	}
	return []hit{hitf(at, "the path unit starts %s", name)}
}

// activates is the service that a socket starts.
func (u unit) activates() (name string, line int) {
	if a, ok := u.Last("Socket", "Service"); ok {
		return a.Value, a.Line
	}
	return strings.TrimSuffix(u.name, ".socket") + ".service", u.at("Socket")
}

func isAmong(all []unit, name string) bool {
	return slices.ContainsFunc(all, func(u unit) bool { return u.name == name && !u.dropIn })
}

// socketService reports sockets whose service is missing.
func socketService(u unit, all []unit) []hit {
	if u.kind() != "socket" || u.dropIn {
		return nil
	}
	name, line := u.activates()
	if isAmong(all, name) {
		return nil
	}
	return []hit{hitf(line, "the socket starts %s, which is not among the units", name)}
}

// socketRequires reports services that could start without their socket.
func socketRequires(u unit, all []unit) []hit {
	if u.kind() != "service" || u.dropIn {
		return nil
	}
	var out []hit
	for _, socket := range all {
		if name, _ := socket.activates(); socket.kind() != "socket" || socket.dropIn || name != u.name {
			continue
		}
		if !u.pulls(socket.name) {
			out = append(out, hitf(u.at("Unit"), "the service does not require %s, which listens for it", socket.name))
		}
	}
	return out
}

// pulls tells whether starting the unit starts another, or fails.
func (u unit) pulls(other string) bool {
	found := false
	u.names([]string{"Requires", "BindsTo"}, func(_ unitfile.Assignment, name string) { found = found || name == other })
	return found
}

// managerUnits come with every user manager.
var managerUnits = strings.Fields(`
	-.slice app.slice background.slice basic.target dbus.service dbus.socket default.target exit.target
	graphical-session-pre.target graphical-session.target paths.target session.slice shutdown.target sockets.target
	systemd-exit.service systemd-tmpfiles-clean.service systemd-tmpfiles-clean.timer systemd-tmpfiles-setup.service
	timers.target`)

// unknownUnit reports names that are neither in the set nor the manager's own.
func unknownUnit(u unit, all []unit) []hit {
	var out []hit
	u.names(append(slices.Clone(wishes), needs...), func(a unitfile.Assignment, name string) {
		if isAmong(all, name) || onlySystem(name) || slices.Contains(managerUnits, name) || strings.ContainsAny(name, "%@") ||
			strings.HasSuffix(name, ".mount") || strings.HasSuffix(name, ".device") {
			return
		}
		out = append(out, hitf(a.Line, "%s=%s, which is not among the units", a.Key, name))
	})
	return out
}
