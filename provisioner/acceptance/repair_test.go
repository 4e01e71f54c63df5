//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"testing"
	"time"
)

// killAll kills every process of the unit's control group, as the kernel does
// when memory runs out.
const killAll = `for pid in $(cat "/sys/fs/cgroup$1/cgroup.procs" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done; true`

// TestMonitRepairsWhatSystemdGaveUp kills puma until systemd's start limit is
// hit, which is as far as Restart= goes.
func TestMonitRepairsWhatSystemdGaveUp(t *testing.T) {
	t.Parallel()
	m := bootInstance(t, theDeployed(t), "repair", nil, provided())
	m.waitForAnswer()
	m.monitWatches()
	group := m.show(pumaUnit, "ControlGroup")
	eventually(t, time.Minute, func() error {
		m.root("sh", "-c", killAll, "killAll", group)
		if state := m.show(pumaUnit, "ActiveState"); state != "failed" {
			return fmt.Errorf("puma is %s", state)
		}
		return nil
	})
	eventually(t, time.Minute, func() error {
		if state := m.show(pumaUnit, "ActiveState"); state != "active" {
			return fmt.Errorf("puma is %s", state)
		}
		return nil
	})
	m.waitForAnswer()
	m.noFailedUnits()
}
