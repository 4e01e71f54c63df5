package app

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// Directive is one line of a unit's [Service] section that the configuration
// gives as systemd reads it: "%" begins a specifier there.
type Directive struct{ Name, Value string }

var directiveName = regexp.MustCompile(`^[A-Z][A-Za-z]+$`)

const otherUser = "the unit runs in the deploy user's own manager, which cannot change to another user or group, so the service would never start (216/GROUP); leave it out, and see user { groups } for supplementary groups"

// instead of these directives the configuration has something else.
var instead = map[string]string{
	"User": otherUser, "Group": otherUser, "SupplementaryGroups": otherUser, "DynamicUser": otherUser,
	"Type":             "it decides how the rest of the unit is written; use the attribute type",
	"ExecStart":        "there would be two commands; use command in a service block",
	"ExecStartPost":    "it writes the pid for monit; start the program from the command itself",
	"ExecStopPost":     "it removes the pid for monit; end the program from the command itself",
	"WorkingDirectory": "it is current, so that a restart finds the next release; change the directory in the command itself",
	"Environment":      "its quoting has traps; use env",
	"EnvironmentFile":  "it carries the instance's values; use env, or an instance value",
	"PIDFile":          "it is for Type=forking, where systemd has to guess what it started; let the program stay in the foreground",
	"Restart":          "a service that may stay away is not looked after; it is always",
	"RestartSec":       "use restart_delay, which monit is told as well",
	"TimeoutStartSec":  "use start_timeout, which monit is told as well",
	"TimeoutStopSec":   "use stop_timeout, which the user manager is told as well",
	"TimeoutSec":       "use start_timeout and stop_timeout, which others are told as well",
	"KillMode":         "it is mixed, so that a program can stop its own children in order",
	"SyslogIdentifier": "it is the unit's name, by which the journal finds the service",
	"StandardOutput":   "use log, which rotates the file as well",
	"StandardError":    "use log, which rotates the file as well",
	"MemoryMax":        "use memory_max",
	"MemoryHigh":       "use memory_high",
	"CPUQuota":         "use cpu_quota",
	"TasksMax":         "use tasks_max",
}

// insteadFor has those that only some kinds of service have a line for.
var insteadFor = map[string]map[string]string{
	"puma":    {"ExecReload": "it sends the signal that fits workers and preload_app"},
	"sidekiq": {"ExecReload": "Sidekiq has no reload, only a restart", "ExecStop": "use quiet_timeout and timeout"},
}

// ParseDirective accepts a directive for a service of a kind, unless this
// plugin writes it itself or it cannot work in a user unit. Those of hardening
// are replaced.
func ParseDirective(kind, name, value string) (Directive, error) {
	advice, taken := instead[name]
	if !taken {
		advice, taken = insteadFor[kind][name]
	}
	switch {
	case !directiveName.MatchString(name):
		return Directive{}, fmt.Errorf("%q is no directive of a [Service] section: write its name alone, letters only, as systemd.service(5) and systemd.exec(5) have it; for example Nice", name)
	case taken:
		return Directive{}, fmt.Errorf("%s= cannot be set here: %s", name, advice)
	case strings.TrimSpace(value) == "" && !canBeEmpty(name):
		return Directive{}, fmt.Errorf("has no value: an empty one makes systemd forget the directive; leave it out")
	case !utf8.ValidString(value), strings.ContainsFunc(value, unicode.IsControl), strings.HasSuffix(value, `\`):
		return Directive{}, fmt.Errorf("%q is not one line: a line break, or a backslash at its end, would make the next line of the unit another one; write it as one line without control characters", value)
	}
	if err := systemd.CheckReadable(value); err != nil {
		return Directive{}, fmt.Errorf("%q cannot be written into a unit file: %w", value, err)
	}
	return Directive{Name: name, Value: value}, nil
}
