//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	growerUnit  = "tools_grower_production.service"
	spinnerUnit = "tools_spinner_production.service"
	page        = "/usr/local/bin/page"
)

// monitHost is a Debian release with its Ruby. Program is told of alerts; empty
// for mail.
type monitHost struct{ suite, ruby, program string }

// TestMonit is about what monit is told: alerts, ceilings, a limit of restarts,
// and files of its own that it keeps or that are broken. Debian 13 runs monit
// in a unit that takes most rights away.
func TestMonit(t *testing.T) {
	t.Parallel()
	for _, host := range []monitHost{{"bookworm", "3.1", ""}, {"trixie", "3.3", page}} {
		t.Run(host.suite, func(t *testing.T) {
			t.Parallel()
			m := bootMonit(t, host)
			m.monitKeepsNothing()
			m.deploy("sh /srv/monit/release.sh")
			m.root("systemd-run", "--quiet", "--unit=sink", "ruby", "/srv/monit/sink.rb")
			for _, unit := range []string{pumaUnit, growerUnit, spinnerUnit} {
				m.becomesActive(unit)
			}
			m.monitIsContent(behind{name: "shop"}, "127.0.0.1:3000/up")
			m.restartAlertsNobody()
			m.comesBackFrom(growerUnit, "/home/deploy/grow")
			m.comesBackFrom(spinnerUnit, "/home/deploy/spin")
			told := told{m, host.program}
			told.of(growerUnit, "Resource limit matched", "total mem")
			told.of(spinnerUnit, "Resource limit matched", "total cpu")
			told.of(growerUnit, "Resource limit succeeded", "total mem")
			m.monitGivesUp()
			told.of(pumaUnit, "Connection failed", "500")
			told.of(pumaUnit, "Timeout", "service restarted 2 times")
			m.monitWatchesAgain()
			m.brokenChecksStopTheirAppOnly()
			told.noSecretAndNoNoise()
			m.root("deployhost", "verify")
		})
	}
}

// bootMonit bakes a machine on which a monit ran before, and boots it again.
func bootMonit(t *testing.T, host monitHost) *machine {
	t.Helper()
	files, err := filesOf("testdata/monit", "/srv/monit")
	if err != nil {
		t.Fatal(err)
	}
	files[page] = files["/srv/monit/page"]
	files["/var/lib/monit/id"] = "0123456789abcdef0123456789abcdef"
	files["/var/lib/monit/state"] = "what it was at"
	maps.Copy(files, provided())
	m := boot(t, testmachine.RootOptions{Name: "monit-" + host.suite, Lower: []string{base(t, host.suite)}, Files: files})
	m.root("chmod", "0755", page)
	mustBuild(t, "testdata/templates/monit", m.Addr(), variables{"ruby": host.ruby, "program": host.program})
	m.absent("/run/monit.id", "/run/monit.state")
	m.reboot()
	return m
}

// monitKeepsNothing wants no file of monit's that an image could hold, neither
// after the bake nor while monit runs.
func (m *machine) monitKeepsNothing() {
	m.t.Helper()
	m.monitSummary()
	m.root("test", "-s", "/run/monit.id")
	m.absent("/var/lib/monit/id", "/var/lib/monit/state", "/root/.monit.id", "/root/.monit.state")
}

// restartAlertsNobody is a deploy's restart. What the limit does later shows
// that mail and program would have been told.
func (m *machine) restartAlertsNobody() {
	m.t.Helper()
	before := m.show(pumaUnit, "MainPID")
	m.deploy("systemctl --user restart " + pumaUnit)
	m.waitForHealth()
	eventually(m.t, 30*time.Second, func() error {
		state := m.monitState(behind{name: "shop"})
		if strings.Contains(state, " pid "+before+" ") || !strings.Contains(state, " status OK ") {
			return fmt.Errorf("monit has not seen the new process, not %s:\n%s", before, state)
		}
		return nil
	})
	m.absent("/run/mails", "/run/page.log")
}

func (m *machine) waitForHealth() {
	m.t.Helper()
	eventually(m.t, 30*time.Second, func() error {
		result, err := m.Exec(shared.ctx, "ruby", "-rnet/http", "-e", `puts Net::HTTP.get(URI("http://127.0.0.1:3000/up"))`)
		if err == nil {
			err = result.Check()
		}
		return err
	})
}

// comesBackFrom tells a service to need too much, and wants another process of it.
func (m *machine) comesBackFrom(unit, order string) {
	m.t.Helper()
	before := m.show(unit, "MainPID")
	m.deploy("touch " + order)
	eventually(m.t, time.Minute, func() error {
		if pid := m.show(unit, "MainPID"); pid == before || pid == "0" {
			return fmt.Errorf("%s is process %s, and was %s before %s", unit, pid, before, order)
		}
		return nil
	})
}

// told is who is told of alerts.
type told struct {
	*machine
	program string
}

// of wants to have been told of a service's event.
func (to told) of(unit, event, description string) {
	to.t.Helper()
	name := strings.TrimSuffix(unit, ".service")
	want := []string{"Subject: monit alert --  " + event + " " + name + "\n", description}
	if to.program != "" {
		want = []string{"0 " + name + ": " + event + ": ", description}
	}
	eventually(to.t, 30*time.Second, func() error {
		all := to.everything()
		for _, text := range want {
			if !strings.Contains(all, text) {
				return fmt.Errorf("nobody was told %q:\n%s", text, all)
			}
		}
		return nil
	})
}

// everything that was told, with all that the program got.
func (to told) everything() string {
	to.t.Helper()
	files := "/run/mails"
	if to.program != "" {
		files = "/run/page.log /run/page.env"
	}
	result, err := to.Exec(shared.ctx, "sh", "-c", "cat "+files)
	if err != nil {
		to.t.Fatal(err)
	}
	return strings.ReplaceAll(result.Stdout, "\r\n", "\n")
}

// noSecretAndNoNoise is about all that was told: the app has a secret, and monit
// has seen processes come and go.
func (to told) noSecretAndNoNoise() {
	to.t.Helper()
	all := to.everything()
	for _, text := range []string{databaseURL, "SECRET", "PID changed", "PID failed", "Monit instance", "Action done"} {
		if strings.Contains(all, text) {
			to.t.Errorf("%q was told:\n%s", text, all)
		}
	}
}

// monitGivesUp has puma answer with an error, whatever monit does about it.
func (m *machine) monitGivesUp() {
	m.t.Helper()
	before := m.show(pumaUnit, "MainPID")
	m.deploy("touch ~/ill")
	eventually(m.t, 90*time.Second, func() error {
		if state := m.monitState(behind{name: "shop"}); !strings.Contains(state, " status Not monitored ") {
			return fmt.Errorf("monit has not given up:\n%s", state)
		}
		return nil
	})
	if after := m.show(pumaUnit, "MainPID"); after == before {
		m.t.Error("monit gave up before it had restarted puma")
	}
}

func (m *machine) monitWatchesAgain() {
	m.t.Helper()
	m.deploy("rm ~/ill")
	m.root("monit", "monitor", "shop_puma_production")
	m.monitIsContent(behind{name: "shop"}, "127.0.0.1:3000/up")
}

// brokenChecksStopTheirAppOnly has one app's checks broken after the bake.
func (m *machine) brokenChecksStopTheirAppOnly() {
	m.t.Helper()
	m.root("sh", "-c", "echo check nothing >>/etc/deployhost/monit/tools.conf")
	m.root("systemctl", "restart", "monit.service")
	summary := m.monitSummary()
	if !strings.Contains(summary, "shop_puma_production") || strings.Contains(summary, "tools_") {
		m.t.Errorf("monit watches:\n%s", summary)
	}
	m.absent("/run/deployhost-monit/tools.conf")
	m.root("sed", "-i", "/check nothing/d", "/etc/deployhost/monit/tools.conf")
}
