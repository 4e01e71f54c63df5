//go:build acceptance && linux

package acceptance

const (
	slowUnit    = "tools_slow_production.service"
	managerUnit = "user@2000.service"
)

// limitsAreSet asks both managers. That limits bind needs controllers of cgroup
// v2, which a container has only where its machine does not use v1: `make bake`
// shows it, and what has become of the OOM score.
func (m *machine) limitsAreSet() {
	m.t.Helper()
	for property, want := range map[string]string{"MemoryMax": "67108864", "CPUQuotaPerSecUSec": "200ms", "TasksMax": "16", "Nice": "5"} {
		if got := m.show(limitedUnit, property); got != want {
			m.t.Errorf("%s is %s, not %s", property, got, want)
		}
	}
	// 30 s more than the slowest service's.
	if got := m.showSystem(managerUnit, "TimeoutStopUSec"); got != "5min 30s" {
		m.t.Errorf("the user manager may take %s to stop, not 5min 30s", got)
	}
	for _, unit := range []string{hookUnit, "user-runtime-dir@2000.service", managerUnit} {
		if got := m.showSystem(unit, "StartupCPUWeight"); got != "1000" {
			m.t.Errorf("at boot %s weighs %s, not 1000", unit, got)
		}
	}
}

// managerOutlastsTheSlowest reboots while a service needs twelve seconds to
// stop: it gets them, and does not when the manager is given less.
func (m *machine) managerOutlastsTheSlowest() {
	m.t.Helper()
	const ended = "/home/deploy/ended"
	m.becomesActive(slowUnit)
	m.reboot()
	if said := m.root("cat", ended); said != "in order" {
		m.t.Errorf("the slow service told %q when it stopped", said)
	}
	m.root("rm", ended)
	m.root("sh", "-c", "printf '[Service]\nTimeoutStopSec=4\n' >/etc/systemd/system/"+managerUnit+".d/90-less.conf")
	m.root("systemctl", "daemon-reload")
	m.becomesActive(slowUnit)
	m.reboot()
	if result, err := m.Exec(shared.ctx, "test", "-e", ended); err != nil || result.Code == 0 {
		m.t.Errorf("the slow service stopped in order within 4 s, so that the first reboot shows nothing (%v)", err)
	}
	m.root("rm", "/etc/systemd/system/"+managerUnit+".d/90-less.conf")
}
