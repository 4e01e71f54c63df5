package monit

import (
	"fmt"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/monitrc"
)

func ceil(d, unit time.Duration) int { return int((d + unit - 1) / unit) }

// Cycles is how many rounds in a row must fail before monit acts. It exceeds
// what systemd needs to repair the service alone, so that the two never work
// on the same thing at once.
func (m Monit) Cycles(settle time.Duration) int { return ceil(settle, m.Interval) + 1 }

// round is a check together with what its rounds are computed from.
type round struct {
	Check
	of Monit
}

// Cycles is how many rounds in a row must fail before monit acts.
func (r round) Cycles() int { return r.of.Cycles(r.Settle) }

// Program is run for each alert; empty for none.
func (r round) Program() string { return r.of.AlertProgram }

// Ceilings are the tests of memory and processor time. They take as many
// rounds as any other failure, or more: a start takes much of both.
func (r round) Ceilings() []string {
	var out []string
	cycles := max(r.Cycles(), ceil(r.Exceeded, r.of.Interval))
	for _, ceiling := range []struct{ what, value string }{{"memory", r.Memory}, {"cpu", r.CPU}} {
		if ceiling.value != "" {
			out = append(out, fmt.Sprintf("total %s > %s for %d cycles", ceiling.what, ceiling.value, cycles))
		}
	}
	return out
}

// least is how many rounds the limit's restarts take when none of them mends
// anything: the service stops and starts, and then fails again.
func (r round) least() int { return r.Limit * (r.of.Cycles(r.Stop+r.Settle) + 1) }

// Rounds is the window of the restart limit. Left out, it is twice the
// shortest, which leaves room for a service that comes back for a while.
func (r round) Rounds() int {
	if r.Window == 0 {
		return 2 * r.least()
	}
	return ceil(r.Window, r.of.Interval)
}

// Longest is the longest time that monit can count in rounds.
func (m Monit) Longest() time.Duration { return monitrc.MaxCycles * m.Interval }

// LeastWindow is the shortest time in which the limit can be reached.
func (m Monit) LeastWindow(c Check) time.Duration {
	return time.Duration(round{c, m}.least()) * m.Interval
}
