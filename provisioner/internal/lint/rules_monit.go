package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/monitrc"
)

// Known is what is known of monit's host besides the file.
type Known struct {
	// Users and Groups are names, and numbers as text. root is always known.
	Users, Groups []string
	// Checks are the names in other files that monit reads, too.
	Checks []string
	// Interval between two rounds, unless the file says "set daemon".
	Interval time.Duration
	// Settle is how long systemd may take to bring back what a check watches,
	// by the check's name.
	Settle map[string]time.Duration
}

// monitFile is a parsed control file and what is known around it.
type monitFile struct {
	monitrc.File
	known Known
}

type monitRule struct {
	Rule
	check func(monitFile) []hit
}

// Monit lints one of monit's control files.
func Monit(name string, text []byte, known Known) []Finding {
	f := monitFile{monitrc.Parse(text), known}
	var out []Finding
	for _, r := range monitRules {
		for _, h := range r.check(f) {
			out = append(out, Finding{r.Rule, name, h.line, h.text})
		}
	}
	return sorted(out)
}

// eachProgram asks find about every program; an empty answer is no finding.
func (f monitFile) eachProgram(find func(p *monitrc.Program) string) []hit {
	var out []hit
	for _, p := range f.Programs {
		if text := find(p); text != "" {
			out = append(out, hit{p.Command.Line, text})
		}
	}
	return out
}

// ofUser tells whether a program speaks to a user's manager by itself.
func ofUser(p *monitrc.Program) bool {
	c := p.Command.Text
	return strings.Contains(c, "systemctl") && strings.Contains(c, "--user") &&
		!strings.Contains(c, "--machine") && !strings.Contains(c, " -M")
}

// monitRuntimeDir reports systemctl --user that cannot find the manager.
func monitRuntimeDir(f monitFile) []hit {
	return f.eachProgram(func(p *monitrc.Program) string {
		if c := p.Command.Text; ofUser(p) && !strings.Contains(c, "XDG_RUNTIME_DIR") && !strings.Contains(c, "DBUS_SESSION_BUS_ADDRESS") {
			return "systemctl --user without XDG_RUNTIME_DIR"
		}
		return ""
	})
}

var becomes = []string{"su ", "sudo ", "runuser ", "setpriv "}

// monitAsRoot reports systemctl --user that root would run for itself.
func monitAsRoot(f monitFile) []hit {
	return f.eachProgram(func(p *monitrc.Program) string {
		other := slices.ContainsFunc(becomes, func(b string) bool { return strings.Contains(p.Command.Text, b) })
		if ofUser(p) && p.User == nil && !other {
			return "systemctl --user without \"as uid\""
		}
		return ""
	})
}

// monitBlocks reports systemctl that waits until a service is up or down.
func monitBlocks(f monitFile) []hit {
	return f.eachProgram(func(p *monitrc.Program) string {
		if c := p.Command.Text; strings.Contains(c, "systemctl") && !strings.Contains(c, "--no-block") &&
			slices.ContainsFunc([]string{" start ", " stop ", " restart "}, func(verb string) bool { return strings.Contains(c, verb) }) {
			return "systemctl without --no-block"
		}
		return ""
	})
}

// monitUser reports users and groups that the host does not have.
func monitUser(f monitFile) []hit {
	var out []hit
	for _, p := range f.Programs {
		if p.User != nil && !slices.Contains(append([]string{"root", "0"}, f.known.Users...), p.User.Text) {
			out = append(out, hitf(p.User.Line, "user %q is not on the host", p.User.Text))
		}
		if p.Group != nil && !slices.Contains(append([]string{"root", "0"}, f.known.Groups...), p.Group.Text) {
			out = append(out, hitf(p.Group.Line, "group %q is not on the host", p.Group.Text))
		}
	}
	return out
}

// maxArguments that monit takes after a program's name; found with monit 5.33:
// one more is "Exceeded maximum number of program arguments".
const maxArguments = 62

// monitArguments reports commands that are too long for monit.
func monitArguments(f monitFile) []hit {
	return f.eachProgram(func(p *monitrc.Program) string {
		if n := arguments(p.Command.Text); n > maxArguments {
			return fmt.Sprintf("the command has %d arguments", n)
		}
		return ""
	})
}

// arguments counts what follows the program. Only single quotes group words.
func arguments(command string) int {
	n, inWord, inQuote := 0, false, false
	for _, c := range command {
		if c == '\'' {
			inQuote = !inQuote
		}
		space := !inQuote && strings.ContainsRune(" \t\r\n", c)
		if !space && !inWord {
			n++
		}
		inWord = !space
	}
	return n - 1
}

// monitCycles reports conditions for which monit cannot count far enough.
func monitCycles(f monitFile) []hit {
	var out []hit
	for _, c := range f.Checks {
		for _, when := range c.Conditions {
			if when.Cycles > monitrc.MaxCycles {
				out = append(out, hitf(when.Line, "check %q waits for %d cycles", c.Name, when.Cycles))
			}
		}
	}
	return out
}

// monitDuplicate reports names that come twice, in any case.
func monitDuplicate(f monitFile) []hit {
	var out []hit
	var seen []string
	for _, name := range f.known.Checks {
		seen = append(seen, strings.ToLower(name))
	}
	for _, c := range f.Checks {
		name := strings.ToLower(c.Name)
		if slices.Contains(seen, name) {
			out = append(out, hitf(c.Line, "check %q comes twice", c.Name))
		}
		seen = append(seen, name)
	}
	return out
}

// monitDepends reports dependencies on checks that do not exist.
func monitDepends(f monitFile) []hit {
	var out []hit
	for _, c := range f.Checks {
		for _, d := range c.Depends {
			known := slices.ContainsFunc(f.Checks, func(other *monitrc.Check) bool { return strings.EqualFold(other.Name, d.Text) }) ||
				slices.ContainsFunc(f.known.Checks, func(other string) bool { return strings.EqualFold(other, d.Text) })
			if !known {
				out = append(out, hitf(d.Line, "check %q depends on %q, which is no check", c.Name, d.Text))
			}
		}
	}
	return out
}

// monitEscape reports double quotes behind a backslash.
func monitEscape(f monitFile) []hit {
	var out []hit
	for _, t := range f.Tokens {
		if t.Quote == '"' && strings.Contains(t.Text, `\"`) {
			out = append(out, hitf(t.Line, `a string holds \"`))
		}
	}
	return out
}

// monitString reports strings that do not end, and commands in single quotes.
func monitString(f monitFile) []hit {
	var out []hit
	for _, t := range f.Tokens {
		if t.Open {
			out = append(out, hitf(t.Line, "a string does not end"))
		}
	}
	for _, p := range f.Programs {
		if p.Command.Quote == '\'' {
			out = append(out, hitf(p.Command.Line, "a command stands in single quotes"))
		}
	}
	return out
}

// monitRepair reports checks that act while systemd is still at it.
func monitRepair(f monitFile) []hit {
	interval := f.known.Interval
	if f.Interval > 0 {
		interval = time.Duration(f.Interval) * time.Second
	}
	var out []hit
	for _, c := range f.Checks {
		settle, ok := f.known.Settle[c.Name]
		if !ok || interval <= 0 {
			continue
		}
		if c.Starts && strings.EqualFold(c.Kind, "process") && !slices.ContainsFunc(c.Conditions, func(c monitrc.Condition) bool { return c.Gone }) {
			out = append(out, hitf(c.Line, "check %q has no \"if does not exist for N cycles\": monit would restart at once", c.Name))
		}
		for _, when := range c.Conditions {
			repairs := (when.Gone || when.Failed) && slices.Contains([]string{"start", "restart", "exec"}, when.Action)
			if wait := time.Duration(when.Cycles) * interval; repairs && wait <= settle {
				out = append(out, hitf(when.Line, "monit would %s after %s, and systemd may need %s", when.Action, wait, settle))
			}
		}
	}
	return out
}
