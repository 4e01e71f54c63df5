//go:build acceptance && linux

package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/capistrano"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	// project is a repository's deploy configuration, on the machine that deploys.
	project    = "/srv/project"
	storefront = "storefront.service"
	// mostOfADeploy is for a busy machine. Without it a deploy that waits for ever
	// would say nothing.
	mostOfADeploy = 5 * time.Minute
)

// TestCapistrano bakes a host and lets real Capistrano, on another machine,
// deploy to it with the file that the bake has written.
func TestCapistrano(t *testing.T) {
	t.Parallel()
	source, err := treeOf("testdata/capistrano/app", "/srv/source")
	if err != nil {
		t.Fatal(err)
	}
	host := boot(t, testmachine.RootOptions{
		Name: "capistrano-host", Lower: theBaked(t).lower, Files: source,
		Seed: &testmachine.Seed{InstanceID: "i-shop", Hostname: "shop", MetaData: map[string]any{"cell": "north"}},
	})
	file := host.bakesForCapistrano()
	host.reboot()
	d := bootDeployer(t, "testdata/capistrano", file, host)
	d.literalsAreRuby()
	d.settingsFitTheHost()
	d.otherAppsAreRefused()
	d.installsNothing()
	d.deploys()
	d.noticesABrokenRelease()
	d.rollsBack()
}

// bakesForCapistrano wants the file written by a build that succeeds, and by no other.
func (m *machine) bakesForCapistrano() (file string) {
	m.t.Helper()
	file = filepath.Join(m.t.TempDir(), "deployhost.rb")
	vars := variables{"capistrano": file}
	if said, err := validate(m.t, shared.plugins, "testdata/templates/capistrano", withBakeVars(m.Addr(), vars)); err != nil {
		m.t.Fatalf("validate: %v\n%s", err, said)
	}
	failed, err := packerBuild(shared.ctx, "testdata/templates/capistrano", m.Addr(), variables{"capistrano": file, "uid": "2001"})
	if err != nil || failed.Err == nil {
		m.t.Fatalf("a build with another uid ended with %v (%v)\n%s", failed.Err, err, failed.Said)
	}
	if _, err := os.Stat(file); err == nil {
		m.t.Error("validate or a build that failed has written the file")
	}
	mustBuild(m.t, "testdata/templates/capistrano", m.Addr(), vars)
	before, err := os.Stat(file)
	if err != nil {
		m.t.Fatal(err)
	}
	mustBuild(m.t, "testdata/templates/capistrano", m.Addr(), vars)
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		m.t.Errorf("the second build has written the file again (%v)", err)
	}
	return file
}

func withBakeVars(address string, more variables) variables {
	vars := bakeVars(address)
	for name, value := range more {
		vars[name] = value
	}
	return vars
}

// deployer is the machine that Capistrano runs on.
type deployer struct {
	*machine
	host *machine
}

func bootDeployer(t *testing.T, from, file string, host *machine) deployer {
	t.Helper()
	files, err := treeOf(from, project)
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"config/deployhost.rb": file, "key": shared.key.PrivatePath} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		files[path.Join(project, name)] = string(text)
	}
	d := deployer{host: host, machine: boot(t, testmachine.RootOptions{Name: "deployer", Lower: []string{shared.base}, Files: files})}
	d.root("apt-get", "-qq", "update")
	d.root("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "--no-install-recommends", "capistrano")
	return d
}

// treeOf are the files below dir by the paths that they get below to.
func treeOf(dir, to string) (map[string]string, error) {
	files := map[string]string{}
	tree := os.DirFS(dir)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tree, name)
		files[path.Join(to, name)] = string(text)
		return err
	})
	return files, err
}

// cap runs Capistrano in the project, with gems or without.
func (d deployer) cap(env []string, tasks ...string) (testmachine.Result, error) {
	argv := append([]string{"env", "-C", project, "DEPLOY_TO=" + d.host.Addr()}, env...)
	ctx, cancel := context.WithTimeout(shared.ctx, mostOfADeploy)
	defer cancel()
	return d.Exec(ctx, append(append(argv, "cap", "production"), tasks...)...)
}

// mustCap is cap for a run that has to succeed.
func (d deployer) mustCap(env []string, tasks ...string) string {
	d.t.Helper()
	result, err := d.cap(env, tasks...)
	if err == nil {
		err = result.Check()
	}
	if err != nil {
		d.t.Fatalf("%s cap production %s: %v", env, strings.Join(tasks, " "), err)
	}
	return result.Stdout
}

// literalsAreRuby asks Ruby itself how it reads what the plugin writes.
func (d deployer) literalsAreRuby() {
	d.t.Helper()
	texts := []string{
		"/home/deploy", `it's \' \\ `, `ends in \`, "#{exit} #$0 %{a} \\n", "\n#{`id`}\"\\\x00\xff", "☕ \u202e\r\n=begin\n__END__\n", "\x04\x1a",
	}
	var script, want strings.Builder
	for _, text := range texts {
		fmt.Fprintf(&script, "puts %s.unpack1('H*')\n", capistrano.Literal(text))
		fmt.Fprintf(&want, "%x\n", text)
	}
	if diff := cmp.Diff(strings.TrimSpace(want.String()), d.root("ruby", "-W0", "-e", script.String())); diff != "" {
		d.t.Errorf("Ruby reads the literals otherwise (-want +got):\n%s", diff)
	}
}

// settingsFitTheHost looks at what Capistrano has after loading everything.
func (d deployer) settingsFitTheHost() {
	d.t.Helper()
	shop := map[string]any{
		"deploy_to": "/home/deploy/apps/shop", "rails_env": "production",
		"linked_dirs": []any{"log", "tmp/pids", "tmp/cache", "tmp/sockets"}, "linked_files": []any{"config/cell.yml"},
		"rbenv_type": "system", "rbenv_ruby": "3.1",
		"puma_service_unit_name": "storefront", "puma_systemctl_user": "user", "puma_enable_lingering": false,
		"puma_enable_socket_service": true, "puma_phased_restart": false, "deployhost_wait": "38s",
	}
	jobs := map[string]any{
		"deploy_to": "/home/deploy/apps/jobs", "linked_files": nil, "deployhost_wait": nil, "deployhost_services": nil,
		"service_unit_user": "user", "sidekiq_service_unit_user": "user", "sidekiq_enable_lingering": false,
		"sidekiq_service_unit_name": "jobs_sidekiq_production", "sidekiq_config_files": []any{"sidekiq.yml", "mail.yml"},
	}
	alone := maps.Clone(jobs) // without capistrano-sidekiq, which restarts them
	alone["deployhost_services"] = []any{"jobs_sidekiq_production", "jobs_sidekiq_production.mail"}
	for _, gems := range [][]string{nil, {"GEMS=5"}, {"GEMS=6"}} {
		for app, want := range map[string]map[string]any{"shop": shop, "jobs": jobs} {
			if app == "jobs" && gems == nil {
				want = alone
			}
			var has map[string]any
			if err := json.Unmarshal([]byte(d.mustCap(append(gems, "APP="+app), "settings")), &has); err != nil {
				d.t.Fatal(err)
			}
			got := map[string]any{}
			for name := range want {
				got[name] = has[name]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				d.t.Errorf("%s, %s (-want +got):\n%s", app, gems, diff)
			}
		}
	}
}

func (d deployer) otherAppsAreRefused() {
	d.t.Helper()
	for _, name := range []string{"shopp", ""} {
		result, err := d.cap([]string{"APP=" + name}, "deploy")
		if err != nil {
			d.t.Fatal(err)
		}
		want := fmt.Sprintf("the image has no application %q, only: shop, jobs", name)
		if result.Code == 0 || !strings.Contains(result.Stderr, want) {
			d.t.Errorf("cap with application %q ended with %d: %s", name, result.Code, result.Stderr)
		}
	}
}

// installsNothing: the gems' own units have no place on a baked host.
func (d deployer) installsNothing() {
	d.t.Helper()
	if result, err := d.cap([]string{"GEMS=6"}, "puma:install"); err != nil || result.Code == 0 {
		d.t.Errorf("puma:install ended with %d (%v): %s", result.Code, err, result.Stdout)
	}
	d.host.root("test", "-f", "/home/deploy/.config/systemd/user/"+storefront)
}

// deploys once as capistrano-puma 6 would, and once as 5 would.
func (d deployer) deploys() {
	d.t.Helper()
	d.host.deploy("git init -q -b master source && git config --global user.name t && git config --global user.email t@example.com")
	first := d.commits("cp /srv/source/* .")
	d.mustCap([]string{"GEMS=6"}, "deploy")
	d.serves(first)
	pid := d.host.show(storefront, "MainPID")

	second := d.commits("echo >>Gemfile")
	began := time.Now()
	d.mustCap([]string{"GEMS=5"}, "deploy")
	figure("capistrano.deploy_s", time.Since(began).Seconds(), "s")
	// Right now, for the deploy has waited for it.
	if said, err := d.host.ask(); err != nil || said.Revision != second {
		d.t.Errorf("after the deploy the app answers %+v (%v), not revision %s", said, err, second)
	}
	d.serves(second)
	if now := d.host.show(storefront, "MainPID"); now == pid {
		d.t.Error("puma was not restarted")
	}
	d.host.root("deployhost", "verify")
}

// commits changes the source in its directory and tells the revision.
func (d deployer) commits(change string) string {
	d.t.Helper()
	return d.host.deploy("cd source && " + change + " && git add -A && git commit -qm release && git rev-parse HEAD")
}

func (d deployer) serves(revision string) {
	d.t.Helper()
	said := d.host.waitForAnswer()
	want := answer{Revision: revision, Cell: "north production 3.1 2000", CellFile: "north", RubyVersion: "3.1"}
	if diff := cmp.Diff(want, said); diff != "" {
		d.t.Errorf("the app (-want +got):\n%s", diff)
	}
}

// noticesABrokenRelease wants a deploy to fail with the app.
func (d deployer) noticesABrokenRelease() {
	d.t.Helper()
	d.commits("touch broken")
	result, err := d.cap([]string{"GEMS=6", "WAIT=3s"}, "deploy")
	if err != nil {
		d.t.Fatal(err)
	}
	if said := result.Stdout + result.Stderr; result.Code == 0 || !strings.Contains(said, "shop is not healthy") {
		d.t.Errorf("a deploy of a release that cannot start ended with %d:\n%s", result.Code, said)
	}
}

// rollsBack lets the file's own tasks start puma again, which has been crashing:
// a restart leaves nothing that could go on with the former release.
func (d deployer) rollsBack() {
	d.t.Helper()
	if said, err := d.host.ask(); err == nil {
		d.t.Errorf("after a restart with a release that cannot start the app answers %+v", said)
	}
	d.mustCap(nil, "deploy:rollback")
	d.serves(d.host.deploy("git -C source rev-parse HEAD~1"))
	d.host.root("deployhost", "verify")
}
