//go:build acceptance && linux

package acceptance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/bootorder"
)

// ledger has every service of every user manager note the invocation of each of
// its starts, before it starts anything: one that is started twice in a row
// cannot be missed, as it could by looking on.
const (
	ledgerPath = "/etc/systemd/user/service.d/90-ledger.conf"
	ledger     = `[Service]
ExecStartPre=-/bin/sh -c 'mkdir -p %h/starts && echo "$$INVOCATION_ID" >>%h/starts/%N'
`
)

// started are the invocations of each of the deploy user's services, in order,
// since the machine's first boot.
func (m *supervisedMachine) started() map[string][]string {
	m.t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(m.root("grep", "--recursive", "", "/home/deploy/starts")) {
		file, invocation, _ := strings.Cut(strings.TrimSpace(line), ":")
		unit := strings.TrimPrefix(file, "/home/deploy/starts/") + ".service"
		all[unit] = append(all[unit], invocation)
	}
	return all
}

// unitRun is what tells one run of a unit from another.
type unitRun struct {
	invocation, mainPID string
	// restarts is systemd's count of its own; sockets have none.
	restarts int
}

// running are those units of a manager that are active, by name. There is an
// error while the manager cannot be asked.
func (m *supervisedMachine) running(systemctl ...string) (map[string]unitRun, error) {
	show := append(slices.Clone(systemctl), "show", "*.service", "*.socket", "*.path", "--property=Id,ActiveState,InvocationID,MainPID,NRestarts")
	result, err := m.Exec(shared.ctx, show...)
	if err := errors.Join(err, result.Check()); err != nil {
		return nil, err
	}
	units := map[string]unitRun{}
	for id, u := range bootorder.ParseUnits(result.Stdout) {
		if u["ActiveState"] == "active" && !comesAndGoes(id) {
			restarts, _ := strconv.Atoi(u["NRestarts"])
			units[id] = unitRun{u["InvocationID"], u["MainPID"], restarts}
		}
	}
	return units, nil
}

// comesAndGoes is about units that are no part of the host's work: the build
// user's manager ends after its last login, which the test has made, and what
// answers questions over D-Bus ends when nobody asks.
func comesAndGoes(unit string) bool {
	return strings.HasSuffix(unit, "@1000.service") || strings.HasPrefix(unit, "systemd-hostnamed.") || strings.HasPrefix(unit, "systemd-timedated.")
}

// state is a whole machine's at one time.
type state struct {
	started      map[string][]string
	user, system map[string]unitRun
}

func (m *supervisedMachine) look() state {
	m.t.Helper()
	user, userErr := m.running(userSystemctl...)
	system, systemErr := m.running("systemctl")
	if err := errors.Join(userErr, systemErr); err != nil {
		m.t.Fatal(err)
	}
	return state{started: m.started(), user: user, system: system}
}

// changed are the units that are not what they were.
func changed(before, after map[string]unitRun) []string {
	var units []string
	for unit, was := range before {
		if after[unit] != was {
			units = append(units, unit)
		}
	}
	for unit := range after {
		if _, there := before[unit]; !there {
			units = append(units, unit)
		}
	}
	return units
}

// healthy asks for an app's health from outside.
func (m *supervisedMachine) healthy(port int) error {
	body, err := m.get(port, "/up")
	if err == nil && body != "healthy\n" {
		err = fmt.Errorf("port %d answers %q", port, body)
	}
	return err
}

// content wants monit to watch what is deployed, and nothing else, and to find
// no fault with any of it.
func (m *supervisedMachine) content() error {
	want, got := map[string]string{}, map[string]string{}
	for _, unit := range deployed {
		want[strings.TrimSuffix(unit, ".service")] = "OK"
	}
	for line := range strings.Lines(m.monitSummary()) {
		fields := strings.Fields(line)
		if last := len(fields) - 1; last > 0 && fields[last] == "Process" {
			got[fields[0]] = strings.Join(fields[1:last], " ")
		}
	}
	if !maps.Equal(want, got) {
		return fmt.Errorf("monit says %v, not %v", got, want)
	}
	return nil
}

// calm waits until everything is as it should be, and monit has seen that.
func (m *supervisedMachine) calm() {
	m.t.Helper()
	for app, port := range map[string]int{"shop": shopPort, "desk": deskPort} {
		eventually(m.t, time.Minute, func() error { return m.healthy(port) })
		m.monitIsContent(behind{name: app}, fmt.Sprintf("127.0.0.1:%d/up", port))
	}
	eventually(m.t, time.Minute, m.content)
}

// staysHealthy looks on until monit would have done what it had begun to count for.
func (m *supervisedMachine) staysHealthy() {
	m.t.Helper()
	for end := time.Now().Add(m.patience()); time.Now().Before(end); time.Sleep(interval / 8) {
		for _, port := range []int{shopPort, deskPort} {
			if err := m.healthy(port); err != nil {
				m.t.Fatalf("it was healthy, and does not stay so: %v", err)
			}
		}
	}
}
