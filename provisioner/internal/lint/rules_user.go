package lint

import (
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/unitfile"
)

// set are the assignments of some keys of [Service] that turn something on.
func (u unit) set(keys ...string) []unitfile.Assignment {
	var out []unitfile.Assignment
	for _, key := range keys {
		for _, a := range u.List("Service", key) {
			if !slices.Contains([]string{"no", "false", "0", "off", "n", "f", "default", "all"}, strings.ToLower(a.Value)) {
				out = append(out, a)
			}
		}
	}
	return out
}

// named makes one hit of each assignment, with its value.
func named(assignments []unitfile.Assignment) []hit {
	var out []hit
	for _, a := range assignments {
		out = append(out, hitf(a.Line, "%s=%s", a.Key, a.Value))
	}
	return out
}

// identity reports attempts to become somebody else, or to join groups.
func identity(u unit) []hit {
	var out []hit
	for _, key := range []string{"User", "Group", "SupplementaryGroups"} {
		out = append(out, named(u.List("Service", key))...)
	}
	return out
}

// sandboxKeys all need a mount or another namespace of the service's own.
var sandboxKeys = []string{
	"BindPaths", "BindReadOnlyPaths", "ExecPaths", "ExtensionDirectories", "ExtensionImages", "InaccessiblePaths", "MountAPIVFS",
	"MountFlags", "MountImages", "NoExecPaths", "PrivateDevices", "PrivateIPC", "PrivateMounts", "PrivateNetwork", "PrivateTmp",
	"PrivateUsers", "ProcSubset", "ProtectClock", "ProtectControlGroups", "ProtectHome", "ProtectHostname", "ProtectKernelLogs",
	"ProtectKernelModules", "ProtectKernelTunables", "ProtectProc", "ProtectSystem", "ReadOnlyPaths", "ReadWritePaths",
	"RootDirectory", "RootImage", "TemporaryFileSystem",
}

// sandbox reports sandboxing that needs namespaces.
func sandbox(u unit) []hit { return named(u.set(sandboxKeys...)) }

// executableMemory reports a ban on making memory executable.
func executableMemory(u unit) []hit { return named(u.set("MemoryDenyWriteExecute")) }

// watchdog reports WatchdogSec= for services that send no keep-alives.
func watchdog(u unit) []hit {
	a, ok := u.Last("Service", "WatchdogSec")
	kind, typed := u.Last("Service", "Type")
	if !ok || strings.Trim(a.Value, "0") == "" || u.dropIn && !typed || strings.HasPrefix(kind.Value, "notify") {
		return nil
	}
	return []hit{hitf(a.Line, "WatchdogSec=%s without Type=notify", a.Value)}
}

// notify is the Type= line when it has systemd wait for a message.
func (u unit) notify() (unitfile.Assignment, bool) {
	a, ok := u.Last("Service", "Type")
	return a, ok && strings.HasPrefix(a.Value, "notify")
}

// notifyPuma reports notify for a puma that never speaks to systemd.
func notifyPuma(u unit) []hit {
	a, ok := u.notify()
	if v := u.facts.Puma; ok && v.known() && v.before(Version{5, 1}) {
		return []hit{hitf(a.Line, "Type=%s with puma %s", a.Value, v)}
	}
	return nil
}

// notifyPumaGem reports notify for a puma that needs another gem for it.
func notifyPumaGem(u unit) []hit {
	a, ok := u.notify()
	if v := u.facts.Puma; ok && !v.before(Version{5, 1}) && v.before(Version{6, 1}) {
		return []hit{hitf(a.Line, "Type=%s with puma %s", a.Value, v)}
	}
	return nil
}

// notifySidekiq reports notify for a Sidekiq that never speaks to systemd.
func notifySidekiq(u unit) []hit {
	a, ok := u.notify()
	if v := u.facts.Sidekiq; ok && v.known() && v.before(Version{6, 0, 6}) {
		return []hit{hitf(a.Line, "Type=%s with Sidekiq %s", a.Value, v)}
	}
	return nil
}

// pidFile reports services whose pid monit would look for in vain.
func pidFile(u unit) []hit {
	if u.facts.PidFile == "" || u.dropIn || u.kind() != "service" {
		return nil
	}
	path := "%t/" + u.facts.PidFile
	for _, key := range []string{"ExecStartPre", "ExecStart", "ExecStartPost", "PIDFile"} {
		for _, a := range u.List("Service", key) {
			if strings.Contains(a.Value, path) {
				return nil
			}
		}
	}
	return []hit{hitf(u.at("Service"), "nothing writes %s", path)}
}

// stopSignal reports ExecStop= lines that only send a signal to the service.
func stopSignal(u unit) []hit {
	return u.eachCommand(func(key string, words []string) string {
		if key == "ExecStop" && isKill(words) {
			return "ExecStop= only sends a signal"
		}
		return ""
	})
}

// reloadQuiet reports a reload that makes a worker take no more jobs.
func reloadQuiet(u unit) []hit {
	return u.eachCommand(func(key string, words []string) string {
		if key == "ExecReload" && isKill(words) && strings.Contains(strings.Join(words, " "), "TSTP") {
			return "ExecReload= sends TSTP"
		}
		return ""
	})
}

// isKill tells whether a command is kill, by itself or as all of a shell's script.
func isKill(words []string) bool {
	if script := shellScript(words); script != "" {
		if strings.ContainsAny(script, ";&|\n") {
			return false
		}
		words = strings.Fields(strings.TrimPrefix(strings.TrimSpace(script), "exec "))
	}
	return len(words) > 0 && (words[0] == "kill" || strings.HasSuffix(words[0], "/kill"))
}
