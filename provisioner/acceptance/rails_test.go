//go:build acceptance && linux

package acceptance

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	// sudoLog is where the machine's sudo writes every call that is made,
	// refused ones as well.
	sudoLog = "/var/log/sudo.log"
)

// rooted are the directories in which nothing may change when a deploy needs
// no root.
var rooted = []string{"/boot", "/etc", "/opt", "/root", "/srv", "/usr", "/var/lib/deployhost", "/var/lib/dpkg", "/var/lib/systemd/linger", "/var/spool"}

// TestRealDeploy lets Capistrano deploy a Rails app with Bundler, a database,
// assets, Sidekiq on a redis and a service, as a user without sudo: a release,
// the next, one that cannot start, and back.
func TestRealDeploy(t *testing.T) {
	t.Parallel()
	host, file := bootRailsHost(t)
	d := bootDeployer(t, "testdata/rails/project", file, host)
	d.makesRepository()
	before := host.rootedTree()

	first := d.commits("touch first")
	d.mustCap(nil, "deploy")
	d.runs(first)
	host.jobRuns()
	host.assetIsServed()

	second := d.commits("touch second")
	puma := host.show(pumaUnit, "MainPID")
	began := time.Now()
	d.mustCap(nil, "deploy")
	figure("deploy.seconds", time.Since(began).Seconds(), "s")
	d.runs(second)
	if after := host.show(pumaUnit, "MainPID"); after != puma {
		t.Errorf("puma's process was %s and is %s after a reload", puma, after)
	}

	d.brokenReleaseIsRefused(second)
	d.mustCap(nil, "deploy:rollback")
	d.runs(second)
	host.jobRuns()

	if changed := before.changes(host.rootedTree()); len(changed) > 0 {
		t.Errorf("the deploys changed what is root's: %v", changed)
	}
	figure("deploy.sudo_calls", host.sudoCalls(), "calls")
	if calls := host.sudoCalls(); calls != 0 {
		t.Errorf("the deploys called sudo %d times", calls)
	}
	host.sudoIsCounted()
	host.noFailedUnits()
	host.monitWatchesRails()
	host.root("deployhost", "verify")
}

// bootRailsHost bakes the host and boots it as an instance. Its sudo counts, and
// its sshd tells sessions nothing of the user's systemd.
func bootRailsHost(t *testing.T) (host *machine, capistrano string) {
	t.Helper()
	files, err := treeOf("testdata/rails", "/srv/rails")
	if err != nil {
		t.Fatal(err)
	}
	gem, err := filesOf("testdata/zero", "/srv/rails")
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(files, gem)
	files["/etc/shop/secret"] = strings.Repeat("0123456789abcdef", 4)
	host = boot(t, testmachine.RootOptions{
		Name: "rails", Lower: []string{base(t, "trixie")}, Files: files,
		Seed: &testmachine.Seed{InstanceID: "i-rails", Hostname: "rails", MetaData: map[string]any{
			"cell": "north", "database": "/home/deploy/apps/shop/shared/north.sqlite3", "redis": "redis://127.0.0.1:6379/3",
		}},
	})
	capistrano = t.TempDir() + "/deployhost.rb"
	mustBuild(t, "testdata/templates/rails", host.Addr(), variables{"capistrano": capistrano})
	host.root("sh", "-c", "echo 'Defaults logfile="+sudoLog+"' >/etc/sudoers.d/log && chmod 0440 /etc/sudoers.d/log && visudo -cq")
	host.root("sh", "-c", "echo 'UsePAM no' >/etc/ssh/sshd_config.d/pam.conf")
	host.root("usermod", "--password", "*", testmachine.BuildUser) // a "!" would lock it now
	host.reboot()
	return host, capistrano
}

// makesRepository makes the app's repository, with a Gemfile.lock of what the host has.
func (d deployer) makesRepository() {
	d.t.Helper()
	d.host.deploy("mkdir source && cd source && sh /srv/rails/repository.sh /srv/rails")
}

// rootedTree is what root has on the machine, wherever root's things are.
func (m *machine) rootedTree() tree {
	m.t.Helper()
	t, err := readTree(m.RootDir(), rooted)
	if err != nil {
		m.t.Fatal(err)
	}
	return t
}

// note is what the app tells.
type note struct {
	Revision   string   `json:"revision"`
	Cell       string   `json:"cell"`
	Price      string   `json:"price"`
	Notes      []string `json:"notes"`
	Stylesheet string   `json:"stylesheet"`
}

// runs wants every process of the app to run a release, right after the deploy.
func (d deployer) runs(revision string) {
	d.t.Helper()
	d.railsServes(revision)
	release := d.host.root("readlink", "-f", "/home/deploy/apps/shop/current")
	for _, unit := range []string{pumaUnit, sidekiqUnit, clockUnit} {
		if dir := d.host.root("readlink", "/proc/"+d.host.show(unit, "MainPID")+"/cwd"); dir != release {
			d.t.Errorf("%s runs in %s, not in %s", unit, dir, release)
		}
	}
}

// railsServes asks often enough to meet every worker.
func (d deployer) railsServes(revision string) {
	d.t.Helper()
	var said note
	for range 20 {
		if err := d.host.askFor(&said); err != nil {
			d.t.Fatal(err)
		}
		if said.Revision != revision || said.Cell != "north" || said.Price != "1.0.0" || !slices.Contains(said.Notes, "migrated in north") {
			d.t.Fatalf("the app tells %+v, for revision %s", said, revision)
		}
	}
}

// brokenReleaseIsRefused deploys a release that cannot start. The deploy has to
// fail, in its time, and everything has to go on with the former one.
func (d deployer) brokenReleaseIsRefused(former string) {
	d.t.Helper()
	units := []string{pumaUnit, sidekiqUnit, clockUnit}
	var before, after []string
	for _, unit := range units {
		before = append(before, d.host.show(unit, "MainPID"))
	}
	d.commits("touch broken")
	began := time.Now()
	result, err := d.cap([]string{"WAIT=6s"}, "deploy")
	if err != nil {
		d.t.Fatal(err)
	}
	if result.Code == 0 {
		d.t.Error("a deploy of a release that cannot start succeeded")
	}
	if took := time.Since(began); took > time.Minute {
		d.t.Errorf("it took %s to tell that a release cannot start", took)
	}
	d.railsServes(former)
	for _, unit := range units {
		after = append(after, d.host.show(unit, "MainPID"))
	}
	if diff := cmp.Diff(before, after); diff != "" {
		d.t.Errorf("processes of %v (-before +after the broken release):\n%s", units, diff)
	}
	if state := d.host.show(pumaUnit, "ActiveState"); state != "active" {
		d.t.Errorf("puma is %s", state)
	}
}

// monitWatchesRails wants monit to watch all services, and to find them well.
func (m *machine) monitWatchesRails() {
	m.t.Helper()
	eventually(m.t, 30*time.Second, func() error {
		for unit, want := range map[string]string{pumaUnit: " ms to ", sidekiqUnit: "", clockUnit: ""} {
			result, err := m.Exec(shared.ctx, "monit", "-B", "status", strings.TrimSuffix(unit, ".service"))
			if err := errors.Join(err, result.Check()); err != nil {
				return err
			}
			// Only the time of an answer shows that monit has asked.
			if state := strings.Join(strings.Fields(result.Stdout), " "); !strings.Contains(state, " status OK ") || !strings.Contains(state, want) {
				return fmt.Errorf("monit says of %s: %s", unit, state)
			}
		}
		return nil
	})
}

// jobRuns gives Sidekiq a job, which has to be done in the instance's redis.
func (m *machine) jobRuns() {
	m.t.Helper()
	word := "job " + strconv.FormatInt(time.Now().UnixNano(), 36)
	m.deploy(`cd ~/apps/shop/current && deployhost exec shop -- bundle exec ruby -r ./config/environment -e 'NoteJob.perform_later("` + word + `")'`)
	eventually(m.t, 30*time.Second, func() error {
		var said note
		if err := m.askFor(&said); err != nil {
			return err
		}
		if !slices.Contains(said.Notes, word+" by north") {
			return fmt.Errorf("nothing is noted of %q: %q", word, said.Notes)
		}
		return nil
	})
	if known := m.root("redis-cli", "-n", "3", "sismember", "queues", "default"); known != "1" {
		m.t.Errorf("the instance's own database in redis has no queue: %q", known)
	}
}

// assetIsServed wants what assets:precompile made with the instance's value.
func (m *machine) assetIsServed() {
	m.t.Helper()
	var said note
	if err := m.askFor(&said); err != nil {
		m.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(shared.ctx, http.MethodGet, "http://"+m.Addr()+":3000"+said.Stylesheet, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), "north") {
		m.t.Errorf("%s is %d %q (%v)", said.Stylesheet, response.StatusCode, body, err)
	}
}

// sudoCalls counts what sudo has logged since the boot.
func (m *machine) sudoCalls() int {
	m.t.Helper()
	text, err := os.ReadFile(m.RootDir() + sudoLog)
	if err != nil && !os.IsNotExist(err) {
		m.t.Fatal(err)
	}
	return strings.Count(string(text), "COMMAND=")
}

// sudoIsCounted makes sure that a call would have been counted.
func (m *machine) sudoIsCounted() {
	m.t.Helper()
	if result, err := m.Run(shared.ctx, deployUser, "sudo -n true"); err != nil || result.Code == 0 {
		m.t.Errorf("sudo of the deploy user ended with %d (%v)", result.Code, err)
	}
	if calls := m.sudoCalls(); calls != 1 {
		m.t.Errorf("%d calls of sudo were counted, not 1", calls)
	}
}
