//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

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

// earlyStarts are what ran of the deploy user's before the hook had ended: its
// manager, any unit of that, and any start that a program tells of.
func (m *machine) earlyStarts() []string {
	m.t.Helper()
	ended := m.monotonic(m.showSystem(hookUnit, "ExecMainExitTimestampMonotonic"))
	times := map[string]int{managerUnit: m.monotonic(m.showSystem(managerUnit, "ExecMainStartTimestampMonotonic"))}
	for unit, properties := range m.userUnits() {
		for _, name := range []string{"InactiveExitTimestampMonotonic", "ExecMainStartTimestampMonotonic"} {
			if us, err := strconv.Atoi(properties[name]); err == nil && us > 0 {
				times[unit+" "+name] = us
			}
		}
	}
	for _, service := range []string{"web", "worker"} {
		for i, start := range m.starts(service) {
			times[fmt.Sprintf("%s's start %d", service, i+1)] = start
		}
	}
	if len(times) < 10 {
		m.t.Errorf("only %d starts were looked at: %v", len(times), times)
	}
	var early []string
	for _, what := range slices.Sorted(maps.Keys(times)) {
		if times[what] < ended {
			early = append(early, fmt.Sprintf("%s, %d µs before", what, ended-times[what]))
		}
	}
	return early
}

func (m *machine) userUnits() map[string]map[string]string {
	m.t.Helper()
	return parseUnits(m.systemctlUser("show", "--all", "*",
		"--property=Id,InactiveExitTimestampMonotonic,ExecMainStartTimestampMonotonic"))
}

// parseUnits reads what `systemctl show` tells of several units, by their Id.
func parseUnits(text string) map[string]map[string]string {
	units := map[string]map[string]string{}
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		properties := map[string]string{}
		for line := range strings.Lines(paragraph) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			properties[name] = value
		}
		units[properties["Id"]] = properties
	}
	return units
}

// droppedJobs are the units that the boot should have started and never tried
// to: systemd deletes a job, and with it whatever only that job wanted, when
// that breaks an ordering cycle. No systemd of these releases gives the message
// about it an id, so this is what shows it: a unit that something which was
// reached wants, but whose conditions have never been looked at.
func (m *machine) droppedJobs() []string {
	m.t.Helper()
	units := parseUnits(m.root("systemctl", "show", "--all", "*",
		"--property=Id,Names,LoadState,ActiveState,Wants,Requires,ConditionTimestampMonotonic,ActiveEnterTimestampMonotonic"))
	named := map[string]map[string]string{}
	for _, u := range units {
		for name := range strings.FieldsSeq(u["Names"]) {
			named[name] = u
		}
	}
	var dropped []string
	reached, wait := map[string]bool{}, []string{"default.target"}
	for len(wait) > 0 {
		unit, known := named[wait[0]]
		wait = wait[1:]
		if !known || reached[unit["Id"]] || unit["LoadState"] != "loaded" {
			continue
		}
		reached[unit["Id"]] = true
		if unit["ConditionTimestampMonotonic"] == "0" && unit["ActiveEnterTimestampMonotonic"] == "0" {
			dropped = append(dropped, unit["Id"])
		}
		if unit["ActiveState"] == "active" {
			wait = slices.AppendSeq(wait, strings.FieldsSeq(unit["Wants"]+" "+unit["Requires"]))
		}
	}
	if len(reached) < 40 || !reached[hookUnit] {
		m.t.Errorf("only %d units were looked at", len(reached))
	}
	slices.Sort(dropped)
	return dropped
}

// verifyFindsNoCycle has systemd-analyze order the units that the hook takes
// part in, together with those that this boot's generators have made: cloud-init
// is among them.
func (m *machine) verifyFindsNoCycle() {
	m.t.Helper()
	const path = "SYSTEMD_UNIT_PATH=/run/systemd/generator.early:/run/systemd/generator:/run/systemd/generator.late:" // and the usual
	result, err := m.Exec(shared.ctx, "env", path, "systemd-analyze", "--man=no", "verify", "default.target", hookUnit, managerUnit)
	if err != nil {
		m.t.Fatal(err)
	}
	if said := result.Stdout + result.Stderr; result.Check() != nil || strings.Contains(said, "cycle") {
		m.t.Errorf("systemd-analyze verify ends with %d: %s", result.Code, said)
	}
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
