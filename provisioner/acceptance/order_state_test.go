//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/bootorder"
)

var theUser = bootorder.User{Name: deployUser, UID: 2000}

var witnessUnits = []string{"tiny_web_production.service", "tiny_worker_production.service"}

// starts are the times of a service's starts in this boot, as its program tells
// them, even of those that were over soon.
func (m *machine) starts(service string) []int {
	m.t.Helper()
	file := path.Join("/run/user/2000", service+".starts")
	var times []int
	for at := range strings.FieldsSeq(m.root("sh", "-c", `test ! -e "$1" || cat "$1"`, "starts", file)) {
		times = append(times, m.monotonic(at))
	}
	return times
}

// servicesRun wants both services up, each started once, and each process to
// have these values now.
func (m *machine) servicesRun(want map[string]string) {
	m.t.Helper()
	for _, unit := range witnessUnits {
		m.becomesActive(unit)
		service := strings.Split(unit, "_")[1]
		eventually(m.t, time.Minute, func() error {
			if len(m.starts(service)) == 0 {
				return fmt.Errorf("%s has not told of its start", unit)
			}
			return nil
		})
		if times := m.starts(service); len(times) != 1 {
			m.t.Errorf("%s was started at %d", unit, times)
		}
		environ := m.environ(m.show(unit, "MainPID"))
		for name, value := range want {
			if got, there := environ[name]; got != value || !there {
				m.t.Errorf("%s has %s=%q (%t), not %q", unit, name, got, there, value)
			}
		}
	}
}

// environ is a running process's own environment.
func (m *machine) environ(pid string) map[string]string {
	m.t.Helper()
	environ := map[string]string{}
	for assignment := range strings.SplitSeq(m.root("cat", "/proc/"+pid+"/environ"), "\x00") {
		name, value, _ := strings.Cut(assignment, "=")
		environ[name] = value
	}
	return environ
}

// bootorder asks systemd about the present boot.
func (m *machine) bootorder() *bootorder.Boot {
	m.t.Helper()
	b, err := bootorder.Look(shared.ctx, m, hookUnit, theUser)
	if err != nil {
		m.t.Fatal(err)
	}
	return b
}

// programStarts are all that the witness's programs tell of, by what they are.
func (m *machine) programStarts() map[string]int {
	m.t.Helper()
	times := map[string]int{}
	for _, service := range []string{"web", "worker"} {
		for i, start := range m.starts(service) {
			times[fmt.Sprintf("%s's start %d", service, i+1)] = start
		}
	}
	return times
}

// monotonic reads a time of systemd's, in microseconds since boot. 0 is never.
func (m *machine) monotonic(text string) int {
	m.t.Helper()
	us, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || us == 0 {
		m.t.Fatalf("systemd tells no time but %q", text)
	}
	return us
}
