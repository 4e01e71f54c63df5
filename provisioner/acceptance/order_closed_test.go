//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// nowhere is an instance of EC2 that no metadata service answers. Debian 13's
// cloud-init fails then and leaves no data; the others' go on without a data source.
const (
	nowherePath = "/etc/cloud/cloud.cfg.d/95-nowhere.cfg"
	nowhere     = "datasource_list: [Ec2]\ndatasource: {Ec2: {max_wait: 2, timeout: 1, strict_id: false}}\n"
)

// findCloud is what somebody does whose metadata service is there at last; the
// app is left alone.
const findCloud = `rm "$1" /run/cloud-init/cloud.cfg; cloud-init clean && cloud-init init --local && cloud-init init`

// closed is an instance whose cloud does not answer, until it does.
func (o orderTrial) closed() {
	m := o.boot(o.images.cloud, o.tagged("i-late", "late"), map[string]string{nowherePath: nowhere, secretPath: "there"})
	reason := "cloud-init found no data source in this boot"
	if o.suite == "trixie" {
		reason = "there is no /run/cloud-init/instance-data.json"
	}
	o.failsClosed(m, reason)
	m.root("sh", "-c", findCloud, "findCloud", nowherePath)
	o.recovers(m, map[string]string{"SECRET": "there", "CELL": "late", "INSTANCE": "i-late"})
}

// bareClosed is an instance whose operator provides a required value late.
func (o orderTrial) bareClosed() {
	m := o.boot(o.images.bare, nil)
	o.failsClosed(m, secretPath)
	m.root("sh", "-c", `mkdir -p "${1%/*}" && printf late >"$1"`, "provide", secretPath)
	o.recovers(m, map[string]string{"SECRET": "late", "HOST": o.name})
}

// failsClosed wants an instance that stays down for want of its values to be
// one that somebody can look at.
func (o orderTrial) failsClosed(m *machine, reason string) {
	o.Helper()
	if user := m.deploy("id -un"); user != deployUser {
		o.Errorf("ssh gives %s", user)
	}
	o.loginsComeSoon(m)
	eventually(o.T, time.Minute, func() error {
		if failed := failedUnits(m.systemctlUser); !slices.Equal(failed, witnessUnits) {
			return fmt.Errorf("failed user units: %q", failed)
		}
		return nil
	})
	for _, unit := range witnessUnits {
		if result := m.show(unit, "Result"); result != "resources" {
			o.Errorf("%s failed with %s", unit, result)
		}
	}
	m.absent("/run/deployhost/tiny", "/run/deployhost-monit/tiny.conf", "/run/user/2000/web.starts", "/run/user/2000/worker.starts")
	if told := m.statusProblems(); !strings.Contains(told, reason) {
		o.Errorf("deployhost status does not say that %q:\n%s", reason, told)
	}
	if summary := m.monitSummary(); strings.Contains(summary, "tiny") {
		o.Errorf("monit watches an app without values:\n%s", summary)
	}
	for _, unit := range []string{"monit.service", "ssh.service", managerUnit} {
		if state := m.showSystem(unit, "ActiveState"); state != "active" {
			o.Errorf("%s is %s", unit, state)
		}
	}
	o.noSystemUnitFailed(m)
}

// loginsComeSoon looks at when the user manager was up, which every login of
// the deploy user's waits for: after no more than one attempt of the hook.
func (o orderTrial) loginsComeSoon(m *machine) {
	o.Helper()
	basic := m.monotonic(m.showSystem("basic.target", "ActiveEnterTimestampMonotonic"))
	manager := m.monotonic(m.showSystem(managerUnit, "ActiveEnterTimestampMonotonic"))
	const hookTimeout = 15 * time.Second
	if took := time.Duration(manager-basic) * time.Microsecond; took > hookTimeout {
		o.Errorf("the user manager was up %s after basic.target, although the hook had failed at once", took)
	}
}

// recovers wants the app to come up with nobody's help.
func (o orderTrial) recovers(m *machine, want map[string]string) {
	o.Helper()
	m.servicesRun(want)
	eventually(o.T, 30*time.Second, func() error {
		if summary := m.monitSummary(); !strings.Contains(summary, "tiny_web_production") {
			return fmt.Errorf("monit does not watch the app:\n%s", summary)
		}
		return nil
	})
	if failed := failedUnits(m.systemctlUser); len(failed) > 0 {
		o.Errorf("failed user units: %q", failed)
	}
	o.noSystemUnitFailed(m)
}

// noSystemUnitFailed is about all but cloud-init, which may give up.
func (o orderTrial) noSystemUnitFailed(m *machine) {
	o.Helper()
	systemctl := func(args ...string) string { return m.root(append([]string{"systemctl"}, args...)...) }
	failed := slices.DeleteFunc(failedUnits(systemctl), func(unit string) bool { return strings.HasPrefix(unit, "cloud-") })
	if len(failed) > 0 {
		o.Errorf("failed system units: %q", failed)
	}
}

// failedUnits asks a manager for the names of its failed units, sorted.
func failedUnits(systemctl func(args ...string) string) []string {
	var failed []string
	for line := range strings.Lines(systemctl("list-units", "--failed", "--plain", "--no-legend", "--full")) {
		unit, _, _ := strings.Cut(line, " ")
		failed = append(failed, unit)
	}
	slices.Sort(failed)
	return failed
}
