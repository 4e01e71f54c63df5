//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	hardenedUnit = "tools_hardened_production.service"
	looseUnit    = "tools_loose_production.service"
	setuidID     = "/srv/id-as-root"
)

// installsSetuidProgram makes one that tells whose rights it has got.
func (m *machine) installsSetuidProgram() {
	m.t.Helper()
	m.root("install", "--mode=4755", "/usr/bin/id", setuidID)
	if uid := m.deploy(setuidID + " -u"); uid != "0" {
		m.t.Fatalf("outside of a service %s has the rights of %s, not root's, so it shows nothing", setuidID, uid)
	}
}

// servicesAreHardened asks the kernel, then the services themselves.
func (m *machine) servicesAreHardened() {
	m.t.Helper()
	manager := m.status(m.showSystem(managerUnit, "MainPID"))
	for _, unit := range []string{pumaUnit, sidekiqUnit, limitedUnit} {
		status := m.status(m.show(unit, "MainPID"))
		if status["NoNewPrivs"] != "1" {
			m.t.Errorf("%s: NoNewPrivs is %q", unit, status["NoNewPrivs"])
		}
		// The container itself has filters, too.
		if number(status["Seccomp_filters"]) <= number(manager["Seccomp_filters"]) {
			m.t.Errorf("%s has %s filters, its manager %s", unit, status["Seccomp_filters"], manager["Seccomp_filters"])
		}
	}
	m.probed("hardened", "jit true\nsetuid 2000\npersonality false\npackets Errno::EAFNOSUPPORT\ninterfaces true\n")
	m.probed("loose", "jit true\nsetuid 0\npersonality true\npackets Errno::EPERM\ninterfaces true\n")
}

// status is /proc/PID/status.
func (m *machine) status(pid string) map[string]string {
	m.t.Helper()
	fields := map[string]string{}
	for line := range strings.Lines(m.root("cat", "/proc/"+pid+"/status")) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	return fields
}

// number is 0 for what is none.
func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// probed wants what a service found out about its own rights.
func (m *machine) probed(by, want string) {
	m.t.Helper()
	eventually(m.t, 20*time.Second, func() error {
		result, err := m.Exec(shared.ctx, "cat", "/home/deploy/apps/tools/current/"+by)
		if err == nil && result.Stdout != want {
			err = fmt.Errorf("the %s service may do\n%snot\n%s", by, result.Stdout, want)
		}
		return err
	})
}
