//go:build acceptance && linux

package acceptance

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	deployUser = "deploy"
	hookUnit   = "deployhost-instance.service"
	pumaUnit   = "shop_puma_production.service"
	socketUnit = "shop_puma_production.socket"
	// databaseURL is the value that each instance's operator provides.
	databaseURL     = "postgres://shop@db/shop"
	databaseURLPath = "/etc/shop/database-url"
)

// machine is a booted container of one test.
type machine struct {
	*testmachine.Container
	t *testing.T
}

// boot starts a container and waits until it is up.
func boot(t *testing.T, options testmachine.RootOptions) *machine {
	t.Helper()
	c, err := testmachine.BootContainer(shared.ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			console, _ := os.ReadFile(c.ConsoleLog())
			t.Logf("console of %s:\n%s", options.Name, console)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	m := &machine{Container: c, t: t}
	m.waitUp()
	return m
}

func (m *machine) waitUp() {
	m.t.Helper()
	if err := m.WaitSSH(shared.ctx, testmachine.BuildUser); err != nil {
		m.t.Fatal(err)
	}
	if err := m.WaitBooted(shared.ctx); err != nil {
		m.t.Fatal(err)
	}
}

// reboot waits until the machine is up again.
func (m *machine) reboot() {
	m.t.Helper()
	if err := m.Reboot(shared.ctx); err != nil {
		m.t.Fatal(err)
	}
	m.waitUp()
}

// bootInstance boots an image as one instance of a NoCloud cloud, with the
// files that its operator provides and the app's source in /srv/app.
func bootInstance(t *testing.T, lower []string, name string, metadata map[string]any, files map[string]string) *machine {
	t.Helper()
	all, err := appFiles()
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(all, files)
	return boot(t, testmachine.RootOptions{
		Name: name, Lower: lower, Files: all,
		Seed: &testmachine.Seed{InstanceID: "i-" + name, Hostname: name, MetaData: metadata},
	})
}

// provided is what lets the hook succeed on an instance.
func provided() map[string]string { return map[string]string{databaseURLPath: databaseURL} }

// appFiles are the app's source, as it is on an instance.
func appFiles() (map[string]string, error) { return filesOf("testdata/app", "/srv/app") }

// filesOf are a directory's files by the paths that they get below to.
func filesOf(dir, to string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		files[path.Join(to, entry.Name())] = string(text)
	}
	return files, nil
}

// root runs a program as root and tells what it wrote; its failing is the test's.
func (m *machine) root(argv ...string) string {
	m.t.Helper()
	result, err := m.Exec(shared.ctx, argv...)
	if err == nil {
		err = result.Check()
	}
	if err != nil {
		m.t.Fatalf("%s: %v", strings.Join(argv, " "), err)
	}
	return strings.TrimSpace(result.Stdout)
}

// deploy runs a command line over ssh as the deploy user, which must succeed.
func (m *machine) deploy(command string) string {
	m.t.Helper()
	result, err := m.Run(shared.ctx, deployUser, command)
	if err == nil {
		err = result.Check()
	}
	if err != nil {
		m.t.Fatalf("%s@: %s: %v", deployUser, command, err)
	}
	return strings.TrimSpace(result.Stdout)
}

// release deploys one release, as Capistrano would.
func (m *machine) release(n int) {
	m.t.Helper()
	m.deploy(fmt.Sprintf("sh /srv/app/release.sh ~/apps/shop %d", n))
}

// systemctlUser asks the deploy user's manager without logging in, since a
// login may change what is looked at.
func (m *machine) systemctlUser(args ...string) string {
	m.t.Helper()
	return m.root(append(slices.Clone(userSystemctl), args...)...)
}

var userSystemctl = []string{
	"setpriv", "--reuid=deploy", "--regid=deploy", "--init-groups",
	"env", "XDG_RUNTIME_DIR=/run/user/2000", "systemctl", "--user",
}

// show is one property of a unit of the deploy user's.
func (m *machine) show(unit, property string) string {
	m.t.Helper()
	return m.systemctlUser("show", "--value", "--property="+property, unit)
}

// showSystem is one property of a unit of the system's.
func (m *machine) showSystem(unit, property string) string {
	m.t.Helper()
	return m.root("systemctl", "show", "--value", "--property="+property, unit)
}

// answer is what the app tells of itself.
type answer struct {
	InstanceID   string `json:"instance_id"`
	Cell         string `json:"cell"`
	CellFile     string `json:"cell_file"`
	Label        string `json:"label"`
	DatabaseURL  string `json:"database_url"`
	Greeting     string `json:"greeting"`
	Revision     string `json:"revision"`
	RubyVersion  string `json:"rbenv_version"`
	WorkerParent int    `json:"parent_pid"`
	Worker       int    `json:"pid"`
	Gem          string `json:"gem"`
}

// ask makes one request to the app, from outside the machine.
func (m *machine) ask() (answer, error) {
	var said answer
	err := m.askFor(&said)
	return said, err
}

// askFor makes one request to the app and decodes what it tells.
func (m *machine) askFor(said any) error {
	body, err := fetch("http://" + m.Addr() + ":3000/")
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(body), said)
}

// fetch gets what is at a URL, which has to be a 200.
func fetch(url string) (string, error) {
	request, err := http.NewRequestWithContext(shared.ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, body)
	}
	return string(body), err
}

// waitForAnswer is what the app says as soon as it says something.
func (m *machine) waitForAnswer() answer {
	m.t.Helper()
	var said answer
	eventually(m.t, time.Minute, func() (err error) {
		said, err = m.ask()
		return err
	})
	return said
}

// eventually tries until there is no error. The time is for a busy machine; a
// test that passes does not use it up.
func eventually(t *testing.T, within time.Duration, try func() error) {
	t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(100 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) || shared.ctx.Err() != nil {
			t.Fatalf("not within %s: %v", within, err)
		}
	}
}

// noFailedUnits wants both managers content.
func (m *machine) noFailedUnits() {
	m.t.Helper()
	list := []string{"list-units", "--failed", "--plain", "--no-legend"}
	if failed := m.root(append([]string{"systemctl"}, list...)...); failed != "" {
		m.t.Errorf("failed system units:\n%s", failed)
	}
	if failed := m.systemctlUser(list...); failed != "" {
		m.t.Errorf("failed user units:\n%s", failed)
	}
}
