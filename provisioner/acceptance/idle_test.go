//go:build acceptance && linux

package acceptance

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInstanceBeforeItsFirstDeploy is what an autoscaling group boots:
// everything is ready, nothing runs, nothing complains, and nobody logged in.
func TestInstanceBeforeItsFirstDeploy(t *testing.T) {
	t.Parallel()
	m := bootInstance(t, theBaked(t).lower, "idle", nil, provided())
	m.matches("testdata/image.txt")
	if groups := m.root("id", "-nG", deployUser); groups != deployUser {
		t.Errorf("the deploy user is in the groups %s", groups)
	}

	if state := m.root("systemctl", "is-active", "user@2000.service"); state != "active" {
		t.Errorf("the deploy user's manager is %s", state)
	}
	for property, want := range map[string]string{"OOMScoreAdjust": "-100", "DelegateControllers": "cpu memory pids"} {
		if got := m.showSystem("user@2000.service", property); got != want {
			t.Errorf("the drop-in of the deploy user's manager: %s is %q, not %q", property, got, want)
		}
	}
	if state := m.root("loginctl", "show-user", deployUser, "--value", "--property=State"); state != "lingering" {
		t.Errorf("the deploy user is %s to logind", state)
	}
	if sessions := m.root("loginctl", "show-user", deployUser, "--value", "--property=Sessions"); sessions != "" {
		t.Errorf("the deploy user has the sessions %s", sessions)
	}
	if result := m.showSystem(hookUnit, "Result"); result != "success" || m.showSystem(hookUnit, "ActiveState") != "active" {
		t.Errorf("the hook ended with %s", result)
	}
	m.noFailedUnits()
	m.refusesConnections(20)
	m.monitLeavesAlone()
	m.noFailedUnits()
}

// refusesConnections wants the gate to hold: without it, systemd would start
// puma for each connection and give up with trigger-limit-hit.
func (m *machine) refusesConnections(n int) {
	m.t.Helper()
	dialer := net.Dialer{Timeout: 5 * time.Second}
	for range n {
		conn, err := dialer.DialContext(shared.ctx, "tcp", m.Addr()+":3000")
		if err == nil {
			_ = conn.Close()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			m.t.Fatalf("a connection to a puma that must not run ends with %v, not by being refused", err)
		}
	}
	for _, unit := range []string{socketUnit, pumaUnit} {
		if state := m.show(unit, "ActiveState"); state != "inactive" {
			m.t.Errorf("%s is %s", unit, state)
		}
	}
}

// monitLeavesAlone wants a monit at work which knows nothing of the app yet.
func (m *machine) monitLeavesAlone() {
	m.t.Helper()
	if summary := m.monitSummary(); strings.Contains(summary, "shop") {
		m.t.Errorf("monit watches before there is anything to watch:\n%s", summary)
	}
	if links := m.root("ls", "/run/deployhost-monit"); links != "" {
		m.t.Errorf("monit includes %s", links)
	}
	// An inactive unit that was never started has no such time.
	if started := m.show(pumaUnit, "ExecMainStartTimestampMonotonic"); started != "0" {
		m.t.Errorf("puma was started at %s", started)
	}
}

// monitSummary waits for monit to answer: it does so only after its first round.
func (m *machine) monitSummary() string {
	m.t.Helper()
	var summary string
	eventually(m.t, 30*time.Second, func() error {
		result, err := m.Exec(shared.ctx, "monit", "-B", "summary")
		summary = result.Stdout
		return errors.Join(err, result.Check())
	})
	return summary
}
