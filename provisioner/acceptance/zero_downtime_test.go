//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	// times that puma is restarted and reloaded in a row.
	times = 20
	// pace is what lies between two restarts at least: systemd refuses a
	// unit's sixth start within 10 s (DefaultStartLimitBurst).
	pace = 2500 * time.Millisecond
)

// zeroHost is a Debian release with the puma that it packages.
type zeroHost struct{ suite, ruby, puma, kind, figures string }

// TestZeroDowntime restarts, reloads and kills puma under load. Neither a
// restart nor a reload may cost a request.
//
// It runs before the parallel tests: a puma that gets no processor for half a
// minute answers nobody, restarted or not.
func TestZeroDowntime(t *testing.T) { //nolint:tparallel // see above
	for _, host := range []zeroHost{
		{suite: "bookworm", ruby: "3.1", puma: "5.6", kind: "simple"},
		{suite: "trixie", ruby: "3.3", puma: "6.6", kind: "notify", figures: "trixie."},
	} {
		t.Run(host.suite, func(t *testing.T) {
			t.Parallel()
			m := bootZero(t, "zero-"+host.suite, host)
			m.costsNothing(host.figures+"restart", 2, m.restart)
			m.costsNothing(host.figures+"reload", 2+times, m.reload)
			m.killRefusesNothing(host.figures + "kill")
			m.noFailedUnits()
		})
	}
}

// TestReloadChangesGems wants a phased restart to change the version of a gem
// that puma's workers have loaded. That is the work of prune_bundler, which
// puts one more exec between systemd and puma.
func TestReloadChangesGems(t *testing.T) {
	t.Parallel()
	for _, host := range []zeroHost{
		{suite: "bookworm", ruby: "3.1", puma: "5.6", kind: "notify"},
		{suite: "trixie", ruby: "3.3", puma: "6.6", kind: "notify"},
	} {
		t.Run(host.suite, func(t *testing.T) {
			t.Parallel()
			m := bootZero(t, "gems-"+host.suite, host)
			m.completePuma()
			m.restart(2)
			m.reload(3)
			if said := m.allServe(3); said.Gem != "3.0.0" {
				t.Errorf("after a reload release 3 runs with version %s of its gem", said.Gem)
			}
			m.settingsInVariables()
			m.noFailedUnits()
		})
	}
}

// bootZero bakes a machine and deploys the first release onto it.
func bootZero(t *testing.T, name string, host zeroHost) *machine {
	t.Helper()
	files, err := filesOf("testdata/zero", "/srv/app")
	if err != nil {
		t.Fatal(err)
	}
	m := boot(t, testmachine.RootOptions{Name: name, Lower: []string{base(t, host.suite)}, Files: files})
	mustBuild(t, "testdata/templates/zero", m.Addr(), variables{"ruby": host.ruby, "puma": host.puma, "type": host.kind})
	m.reboot()
	m.hideNotifyGem()
	m.release(1)
	m.becomesActive(pumaUnit)
	m.allServe(1)
	return m
}

// hideNotifyGem puts the gem where only Bundler finds it, which is so for every
// gem that a deploy brings.
func (m *machine) hideNotifyGem() {
	m.t.Helper()
	m.root("sh", "-ec", `cd /usr/share/rubygems-integration/all
		mv gems/sd_notify-* /srv/sd_notify
		mv specifications/sd_notify-*.gemspec /srv/sd_notify/sd_notify.gemspec`)
}

// completePuma adds what Debian's package of puma lacks of the gem.
func (m *machine) completePuma() {
	m.t.Helper()
	gem := m.root("ruby", "-e", `puts Gem::Specification.find_by_name("puma").full_gem_path`)
	m.root("cp", "/srv/app/puma-wild", gem+"/bin/puma-wild")
}

// settingsInVariables gives Bundler a setting in puma's environment. Pruning
// would clear it, and the app may be unable to start without it.
func (m *machine) settingsInVariables() {
	m.t.Helper()
	const setting = "BUNDLE_WITHOUT=development"
	if env := m.environment(); !strings.Contains(env, "PUMA_BUNDLER_PRUNED=1") {
		m.t.Errorf("puma did not prune: its environment is %q", env)
	}
	m.deploy("mkdir -p ~/.config/systemd/user/" + pumaUnit + ".d && printf '[Service]\\nEnvironment=" + setting + "\\n' >~/.config/systemd/user/" + pumaUnit + ".d/bundler.conf")
	m.deploy("systemctl --user daemon-reload")
	m.restart(4)
	if env := m.environment(); !strings.Contains(env, setting) {
		m.t.Errorf("puma has lost %s: its environment is %q", setting, env)
	}
}

// environment is what puma's process was executed with at last.
func (m *machine) environment() string {
	m.t.Helper()
	return m.root("cat", "/proc/"+m.show(pumaUnit, "MainPID")+"/environ")
}

// costsNothing measures what becomes of requests while release after release
// is deployed, from the one numbered first on.
func (m *machine) costsNothing(name string, first int, deploy func(revision int)) {
	m.t.Helper()
	outside, kept := fromOutside(m), keptAlive(m)
	for i := range times {
		next := time.After(pace)
		deploy(first + i)
		<-next
	}
	told, keptTold := outside.stop(), kept.stop()
	figure(name+".requests", float64(told.requests), "requests")
	figure(name+".failed", float64(told.failures("")), "requests")
	figure(name+".worst_ms", float64(told.worst.Milliseconds()), "ms")
	figure(name+".keepalive_requests", float64(keptTold.requests), "requests")
	figure(name+".keepalive_resets", float64(keptTold.failures("")), "requests")
	if len(told.failed) > 0 {
		m.t.Errorf("%s: of %d requests these failed: %v", name, told.requests, told.failed)
	}
	if refused := keptTold.failures("refused"); refused > 0 {
		m.t.Errorf("%s: %d connections that were to be kept were refused", name, refused)
	}
}

// restart deploys a release and restarts puma, which has to be a new process.
func (m *machine) restart(revision int) {
	m.t.Helper()
	before := m.show(pumaUnit, "MainPID")
	m.release(revision)
	m.deploy("systemctl --user restart " + pumaUnit)
	m.allServe(revision)
	if after := m.show(pumaUnit, "MainPID"); after == before {
		m.t.Fatalf("a restart kept puma's process %s", before)
	}
}

// reload deploys a release and reloads puma: every worker has to be a new
// one, of the same puma.
func (m *machine) reload(revision int) {
	m.t.Helper()
	puma, workers := m.show(pumaUnit, "MainPID"), m.workers()
	m.release(revision)
	m.deploy("systemctl --user reload " + pumaUnit)
	m.allServe(revision)
	if after := m.show(pumaUnit, "MainPID"); after != puma {
		m.t.Fatalf("puma's process was %s and is %s after a reload", puma, after)
	}
	for _, pid := range m.workers() {
		if slices.Contains(workers, pid) {
			m.t.Fatalf("worker %d outlived a reload", pid)
		}
	}
}

// killRefusesNothing kills puma outright. Requests at work are lost with it;
// those that come before systemd has started it again must wait.
func (m *machine) killRefusesNothing(name string) {
	m.t.Helper()
	outside := fromOutside(m)
	said, before := m.waitForAnswer(), m.show(pumaUnit, "MainPID")
	m.root("kill", "-KILL", before)
	eventually(m.t, 30*time.Second, func() error {
		if after := m.show(pumaUnit, "MainPID"); after == before || after == "0" {
			return fmt.Errorf("puma's process is %s", after)
		}
		return nil
	})
	revision, err := strconv.Atoi(said.Revision)
	if err != nil {
		m.t.Fatal(err)
	}
	m.allServe(revision)
	told := outside.stop()
	figure(name+".requests", float64(told.requests), "requests")
	figure(name+".failed", float64(told.failures("")), "requests")
	if refused := told.failures("refused"); refused > 0 {
		m.t.Errorf("%s: %d connections were refused: %v", name, refused, told.failed)
	}
}

// allServe waits until every worker answers for a release, and is what one says.
func (m *machine) allServe(revision int) answer {
	m.t.Helper()
	var said answer
	eventually(m.t, time.Minute, func() error {
		silent := m.workers()
		if len(silent) != 2 {
			return fmt.Errorf("puma's workers are %v", silent)
		}
		for range 40 { // which of them answers is chance
			var err error
			if said, err = m.ask(); err != nil {
				return err
			}
			if said.Revision != strconv.Itoa(revision) {
				return fmt.Errorf("release %s still answers", said.Revision)
			}
			silent = slices.DeleteFunc(silent, func(pid int) bool { return pid == said.Worker })
			if len(silent) == 0 {
				return nil
			}
		}
		return fmt.Errorf("the workers %v do not answer", silent)
	})
	return said
}

// workers are the processes of puma's workers.
func (m *machine) workers() []int {
	m.t.Helper()
	result, err := m.Exec(shared.ctx, "pgrep", "--parent", m.show(pumaUnit, "MainPID"))
	if err != nil {
		m.t.Fatal(err)
	}
	var pids []int
	for _, field := range strings.Fields(result.Stdout) { // none while puma starts
		pid, err := strconv.Atoi(field)
		if err != nil {
			m.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}
