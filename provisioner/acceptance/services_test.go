//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	sidekiqUnit = "shop_sidekiq_production.service"
	limitedUnit = "tools_limited_production.service"
	sleeperUnit = "tools_sleeper_production.service"
)

// TestServices deploys two apps with every kind of service to one deploy user.
func TestServices(t *testing.T) {
	t.Parallel()
	files, err := filesOf("testdata/services", "/srv/services")
	if err != nil {
		t.Fatal(err)
	}
	m := boot(t, testmachine.RootOptions{Name: "services", Lower: []string{shared.base}, Files: files})
	mustBuild(t, "testdata/templates/services", m.Addr(), nil)
	// As clean-ups of images do.
	m.root("rm", "-r", "/var/log/journal")
	m.reboot()
	m.noFailedUnits()
	m.installsSetuidProgram()
	m.deploy("sh /srv/services/release.sh")
	for _, unit := range []string{pumaUnit, sidekiqUnit, limitedUnit, sleeperUnit, slowUnit, hardenedUnit, looseUnit} {
		m.becomesActive(unit)
	}
	m.startedAsWritten()
	m.statusShowsFileLogs()
	m.limitsAreSet()
	m.servicesAreHardened()
	m.deployReadsItsOwnJournal()
	m.fileLogRotates()
	m.rotationIsTheUsers()
	m.stopFinishesTheJob()
	m.sleeperIsWatched()
	m.managerOutlastsTheSlowest()
	m.root("deployhost", "verify")
}

func (m *machine) becomesActive(unit string) {
	m.t.Helper()
	eventually(m.t, time.Minute, func() error {
		if state := m.show(unit, "SubState"); state != "running" {
			return fmt.Errorf("%s is %s", unit, state)
		}
		return nil
	})
}

// startedAsWritten wants words and variables to arrive.
func (m *machine) startedAsWritten() {
	m.t.Helper()
	eventually(m.t, 20*time.Second, func() error {
		result, err := m.Exec(shared.ctx, "cat", "/home/deploy/apps/tools/current/started")
		if want := "limited|a b|--percent=100%"; err == nil && result.Stdout != want {
			err = fmt.Errorf("the service was started with %q, not %q", result.Stdout, want)
		}
		return err
	})
}

// stopFinishesTheJob stops Sidekiq while a job runs that takes longer than
// Sidekiq's own time-out: quiet first, it must end and not be given back.
func (m *machine) stopFinishesTheJob() {
	m.t.Helper()
	const told = "/home/deploy/job"
	m.deploy(`cd ~/apps/shop/current && deployhost exec shop -- ruby -r ./jobs.rb -e 'SlowJob.perform_async("` + told + `", 8)'`)
	eventually(m.t, 30*time.Second, func() error {
		result, err := m.Exec(shared.ctx, "cat", told)
		if err == nil && result.Stdout != "began by hello\n" {
			err = fmt.Errorf("the job tells %q", result.Stdout+result.Stderr)
		}
		return err
	})
	m.root("systemctl", "stop", "monit.service")
	m.deploy("systemctl --user stop " + sidekiqUnit)
	if text := m.root("cat", told); !strings.HasSuffix(text, "ended") {
		m.t.Errorf("the stop cut the job off; it tells %q", text)
	}
	if result := m.show(sidekiqUnit, "Result"); result != "success" {
		m.t.Errorf("the stop ended with %s", result)
	}
	m.root("systemctl", "start", "monit.service")
}

// sleeperIsWatched is monit's part for a service that answers no HTTP.
func (m *machine) sleeperIsWatched() {
	m.t.Helper()
	pid := m.show(sleeperUnit, "MainPID")
	if written := m.root("cat", "/run/user/2000/tools_sleeper_production.pid"); written != pid {
		m.t.Errorf("monit watches process %s, not %s", written, pid)
	}
	eventually(m.t, 30*time.Second, func() error {
		if summary := m.monitSummary(); !strings.Contains(summary, "tools_sleeper_production") {
			return fmt.Errorf("monit does not watch it:\n%s", summary)
		}
		return nil
	})
	m.root("test", "-f", "/home/deploy/apps/tools/shared/log/sleeper.log")
}
