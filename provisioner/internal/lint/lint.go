// Package lint reads unit files and monit control files that people wrote, or
// that were rendered, and knows why some of what systemd and monit accept
// fails, does nothing, or does harm under a deploy user's own manager.
// `systemd-analyze --user verify` sees little of it.
//
// It is pure: no file is read, no program run. Each rule is one function in
// rules_*.go, an entry in a table of registry_*.go, and testdata/ID/{bad,good}.txtar.
package lint

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/unitfile"
)

// Severity says whether a finding stops a build.
type Severity string

// The severities: an Error fails for sure, or breaks a promise that the image
// makes; a Warning does nothing, fails on some systems, or is worth a thought.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Rule is what people read about a rule. Its ID never changes.
type Rule struct {
	ID       string
	Severity Severity
	// What is wrong, Why it matters and what to write Instead: one sentence each.
	What, Why, Instead string
}

// Page is where the documentation explains the rule.
func (r Rule) Page() string { return "docs/lint.md#" + r.ID }

// Finding is one place that breaks a rule.
type Finding struct {
	Rule Rule
	File string
	// Line counts from 1; it is where the directive begins.
	Line int
	// Text is what was found there. It never holds the value of a variable.
	Text string
}

// String is the finding on one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s %s: %s. %s %s (%s)", f.File, f.Line, f.Rule.Severity, f.Rule.ID, f.Text, f.Rule.Why, f.Rule.Instead, f.Rule.Page())
}

// Source is one unit file.
type Source struct {
	// Name is the unit's name, or a path that ends in it. A drop-in's is
	// NAME.service.d/FILE.conf.
	Name  string
	Text  []byte
	Facts Facts
}

// Facts is what is known of a unit besides its text. A rule that needs a fact
// which is not given says nothing.
type Facts struct {
	// Puma or Sidekiq is given when the unit runs it.
	Puma, Sidekiq Version
	// Target is the app's target, for example "shop.target".
	Target string
	// Current is the link that the first deploy makes.
	Current string
	// RequiredFile is the EnvironmentFile that holds values without which the
	// app must not start.
	RequiredFile string
	// PidFile is the name of the file in the user's runtime directory that
	// monit watches, for example "shop_sidekiq_production.pid"; empty when the
	// program writes its own.
	PidFile string
}

// Unit lints a unit of the deploy user's manager, by itself.
func Unit(s Source) []Finding { return sorted(read(s).run(userManager)) }

// SystemUnit lints a unit of the system's manager.
func SystemUnit(s Source) []Finding { return sorted(read(s).run(systemManager)) }

// Units lints all of a deploy user's units, each by itself and all together.
func Units(set []Source) []Finding {
	var out []Finding
	units := make([]unit, len(set))
	for i, s := range set {
		units[i] = read(s)
		out = append(out, units[i].run(userManager)...)
	}
	for _, r := range setRules {
		for _, u := range units {
			for _, h := range r.check(u, units) {
				out = append(out, Finding{r.Rule, u.source.Name, h.line, h.text})
			}
		}
	}
	return sorted(out)
}

// Rules are all rules, those for units first, in the order of the documentation.
func Rules() []Rule {
	var out []Rule
	for _, r := range unitRules {
		out = append(out, r.Rule)
	}
	for _, r := range setRules {
		out = append(out, r.Rule)
	}
	for _, r := range monitRules {
		out = append(out, r.Rule)
	}
	return out
}

// unit is a parsed Source.
type unit struct {
	source Source
	// name is the unit's, also for a drop-in.
	name   string
	dropIn bool
	facts  Facts
	unitfile.File
}

func read(s Source) unit {
	u := unit{source: s, name: path.Base(s.Name), facts: s.Facts, File: unitfile.Parse(s.Text)}
	if dir := path.Base(path.Dir(s.Name)); strings.HasSuffix(dir, ".d") {
		u.name, u.dropIn = strings.TrimSuffix(dir, ".d"), true
	}
	return u
}

// kind is the suffix: "service", "socket"…
func (u unit) kind() string { return strings.TrimPrefix(path.Ext(u.name), ".") }

// run applies the rules that one manager's units have to keep.
func (u unit) run(m manager) []Finding {
	var out []Finding
	for _, r := range unitRules {
		if r.managers&m == 0 {
			continue
		}
		for _, h := range r.check(u) {
			out = append(out, Finding{r.Rule, u.source.Name, h.line, h.text})
		}
	}
	return out
}

// manager is whom a unit is for.
type manager int

const (
	userManager manager = 1 << iota
	systemManager
	anyManager = userManager | systemManager
)

// hit is a place that a rule found.
type hit struct {
	line int
	text string
}

func hitf(line int, format string, args ...any) hit { return hit{line, fmt.Sprintf(format, args...)} }

// unitRule judges one unit; setRule judges it with all others at hand.
type (
	unitRule struct {
		Rule
		managers manager
		check    func(unit) []hit
	}
	setRule struct {
		Rule
		check func(u unit, all []unit) []hit
	}
)

// sorted is the order in which people read: by file as they came, then by line.
func sorted(findings []Finding) []Finding {
	order := map[string]int{}
	for _, f := range findings {
		if _, ok := order[f.File]; !ok {
			order[f.File] = len(order)
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line))
	})
	return findings
}
