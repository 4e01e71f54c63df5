//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDeployUserOperatesItsApp is day two: restarts, stops and reloads over
// ssh, with no right to anything else.
func TestDeployUserOperatesItsApp(t *testing.T) {
	t.Parallel()
	m := bootInstance(t, theDeployed(t), "operate", nil, provided())
	m.waitForAnswer()
	m.reloadKeepsTheProcess()
	m.restartsWithoutSudo()
	m.stoppedStaysStopped()
}

// reloadKeepsTheProcess deploys a second release, which new workers load.
func (m *machine) reloadKeepsTheProcess() {
	m.t.Helper()
	before := m.show(pumaUnit, "MainPID")
	m.release(2)
	m.deploy("systemctl --user reload " + pumaUnit)
	eventually(m.t, 30*time.Second, func() error {
		said, err := m.ask()
		if err == nil && said.Revision != "2" {
			err = fmt.Errorf("release %s still answers", said.Revision)
		}
		return err
	})
	if after := m.show(pumaUnit, "MainPID"); after != before {
		m.t.Errorf("puma's process was %s and is %s after a reload", before, after)
	}
	if said := m.waitForAnswer(); strconv.Itoa(said.WorkerParent) != before {
		m.t.Errorf("a worker of process %d answers, not of %s", said.WorkerParent, before)
	}
}

func (m *machine) restartsWithoutSudo() {
	m.t.Helper()
	before := m.show(pumaUnit, "MainPID")
	m.deploy("systemctl --user restart " + pumaUnit)
	if after := m.show(pumaUnit, "MainPID"); after == before || after == "0" {
		m.t.Errorf("puma's process was %s and is %s after a restart", before, after)
	}
	m.waitForAnswer()
	result, err := m.Run(shared.ctx, deployUser, "sudo -n true")
	if err != nil {
		m.t.Fatal(err)
	}
	if result.Code == 0 {
		m.t.Error("the deploy user may use sudo")
	}
}

// stoppedStaysStopped has three that could start it again: the next connection,
// the path unit, which looks anew at each daemon-reload, and monit.
func (m *machine) stoppedStaysStopped() {
	m.t.Helper()
	m.monitWatches()
	m.deploy("systemctl --user stop " + pumaUnit)
	m.deploy("systemctl --user daemon-reload")
	// Twice the 6 rounds of 2 s that monit waits for systemd.
	for end := time.Now().Add(24 * time.Second); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		m.refusesConnections(1)
	}
	if summary := m.monitSummary(); !strings.Contains(summary, "Does not exist") {
		m.t.Errorf("monit has not seen that puma was stopped:\n%s", summary)
	}
	for unit, want := range map[string]string{"shop.target": "active", "shop.path": "inactive"} {
		if state := m.show(unit, "ActiveState"); state != want {
			m.t.Errorf("%s is %s", unit, state)
		}
	}
	m.deploy("systemctl --user start " + pumaUnit)
	m.waitForAnswer()
}
