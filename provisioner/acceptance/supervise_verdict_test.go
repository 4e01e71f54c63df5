//go:build acceptance && linux

package acceptance

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// supervisedMachine is one that a trouble happens to.
type supervisedMachine struct {
	*machine
	supervised
	before, after state
	// began is when there was something to repair.
	began time.Time
}

// goThrough lets one trouble happen, and tells how often something was started
// that had been started already.
func (s supervised) goThrough(t *testing.T, c *testmachine.Container, trouble trouble) (doubles int) {
	t.Helper()
	m := &supervisedMachine{machine: &machine{Container: c, t: t}, supervised: s}
	m.calm()
	m.before, m.began = m.look(), time.Now()
	trouble.happens(m)
	var took time.Duration
	if trouble.by != nobody {
		eventually(t, 2*time.Minute, func() error { return m.repaired(trouble) })
		took = time.Since(m.began)
	}
	m.staysHealthy()
	m.calm()
	m.noFailedUnits()
	m.after = m.look()
	m.repairedBy(trouble)
	m.disturbsNothing(trouble)
	figure("supervise."+s.figures+trouble.name+".repair_s", took.Seconds(), "s")
	return m.doubles(trouble)
}

// repaired wants all that is to be started anew to run as another invocation,
// and the app to be healthy.
func (m *supervisedMachine) repaired(c trouble) error {
	system, systemErr := m.running("systemctl")
	user, userErr := m.running(userSystemctl...)
	if err := errors.Join(systemErr, userErr); err != nil {
		return err
	}
	for _, unit := range c.anew {
		if now := user[unit].invocation; now == "" || slices.Contains(m.before.started[unit], now) {
			return fmt.Errorf("%s has not been started anew", unit)
		}
	}
	if now := system[c.system].invocation; c.system != "" && (now == "" || now == m.before.system[c.system].invocation) {
		return fmt.Errorf("%s has not been started anew", c.system)
	}
	return m.healthy(shopPort)
}

// repairedBy looks at systemd's own count, which grows with each Restart= and
// begins anew with a start that somebody else asks for.
func (m *supervisedMachine) repairedBy(c trouble) {
	m.t.Helper()
	restarts := 0
	switch {
	case c.system != "":
		restarts = m.after.system[c.system].restarts - m.before.system[c.system].restarts
	case len(c.anew) == 1:
		restarts = m.after.user[c.anew[0]].restarts - m.before.user[c.anew[0]].restarts
	}
	if systemd := restarts == 1; systemd != (c.by == bySystemd) {
		m.t.Errorf("systemd has restarted what failed %d times, although %s had to repair it", restarts, c.by)
	}
}

// doubles counts the starts beyond the one that each service needed. The last
// one has to be what runs.
func (m *supervisedMachine) doubles(c trouble) int {
	m.t.Helper()
	doubles := 0
	for _, unit := range c.anew {
		starts := m.after.started[unit][len(m.before.started[unit]):]
		if len(starts) == 0 || starts[len(starts)-1] != m.after.user[unit].invocation {
			m.t.Errorf("%s runs as %s, but was started as %v", unit, m.after.user[unit].invocation, starts)
		}
		if len(starts) > 1 {
			m.t.Errorf("%s was started %d times: %v", unit, len(starts), starts)
			doubles += len(starts) - 1
		}
	}
	return doubles
}

// disturbsNothing wants all other units of the host to be what they were.
func (m *supervisedMachine) disturbsNothing(c trouble) {
	m.t.Helper()
	var touched []string
	if c.ends == services {
		touched = changed(m.before.user, m.after.user)
	}
	if c.ends != theHost {
		touched = append(touched, changed(m.before.system, m.after.system)...)
	}
	touched = slices.DeleteFunc(touched, func(unit string) bool {
		return unit == c.system || slices.Contains(c.anew, unit) || slices.Contains(c.also, unit)
	})
	if len(touched) > 0 {
		m.t.Errorf("this was touched as well: %q", touched)
	}
	if units := len(m.before.user) + len(m.before.system); units < 20 {
		m.t.Errorf("only %d units were looked at", units)
	}
	if started := m.after.started[neverStarted]; started != nil {
		m.t.Errorf("an app without a release was started as %v", started)
	}
}
