//go:build acceptance && linux

package acceptance

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// behind is an app that a web server on the same host reaches.
type behind struct{ name, socket string }

func (b behind) path() string { return "/home/deploy/apps/" + b.name + "/shared/" + b.socket }
func (b behind) unit() string { return b.name + "_puma_production.service" }

// TestUnixSocket has puma listen on a unix socket alone, beside a port, and on
// one without socket activation.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	shop, desk, plain := behind{"shop", "tmp/sockets/puma.sock"}, behind{"desk", "tmp/sockets/puma.sock"}, behind{"plain", "web/puma.sock"}
	all := []behind{shop, desk, plain}
	m := bakeBehindNginx(t)
	for _, b := range all {
		m.deploy("sh /srv/app/release.sh ~/apps/" + b.name + " 1")
	}
	for _, b := range all {
		m.answersTheWebServer(b)
		m.deploy("deployhost wait " + b.name + " --healthy --timeout 20s")
	}
	m.listensOnPorts("22", "3000", "8080")
	m.serves("http://127.0.0.1:3000/up")
	m.serves("http://127.0.0.1:8080/up")
	m.monitIsContent(shop, shop.path())
	m.monitIsContent(desk, "127.0.0.1:3000/up")
	m.monitIsContent(plain, plain.path())

	m.restartsInPlace(desk)
	m.serves("http://127.0.0.1:3000/up")
	m.restartsInPlace(plain)
	for _, b := range all {
		m.comesBack(b, "a restart", func() { m.deploy("systemctl --user restart " + b.unit()) })
		m.comesBack(b, "a crash", func() { m.root("sh", "-c", killAll, "killAll", m.show(b.unit(), "ControlGroup")) })
	}
	for _, b := range []behind{shop, desk} {
		m.requestsWaitWhileItRestarts(b)
	}
	m.reboot()
	for _, b := range all {
		m.answersTheWebServer(b)
	}
	m.hangIsRepaired(shop)
	m.noFailedUnits()
	m.root("deployhost", "verify")
}

func bakeBehindNginx(t *testing.T) *machine {
	t.Helper()
	files, err := appFiles()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile("testdata/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	files["/etc/nginx/conf.d/shop.conf"] = string(conf)
	files["/etc/nginx/sites-enabled/default"] = "" // the package's own, which would need port 80
	m := boot(t, testmachine.RootOptions{Name: "unix-socket", Lower: []string{shared.base}, Files: files})
	mustBuild(t, "testdata/templates/unix_socket", m.Addr(), nil)
	m.reboot()
	m.noFailedUnits()
	return m
}

// askOver makes a request as the user that Debian's web servers run as.
func (m *machine) askOver(b behind) error {
	return m.curl("--unix-socket", b.path(), "http://localhost/up")
}

func (m *machine) curl(args ...string) error {
	argv := append([]string{
		"setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups",
		"curl", "--silent", "--show-error", "--fail", "--max-time", "20",
	}, args...)
	result, err := m.Exec(shared.ctx, argv...)
	if err = errors.Join(err, result.Check()); err == nil && result.Stdout != "healthy\n" {
		err = fmt.Errorf("%s answers %q", args[len(args)-1], result.Stdout)
	}
	return err
}

func (m *machine) answersTheWebServer(b behind) {
	m.t.Helper()
	eventually(m.t, time.Minute, func() error { return m.askOver(b) })
}

func (m *machine) serves(url string) {
	m.t.Helper()
	eventually(m.t, 20*time.Second, func() error { return m.curl(url) })
}

// listensOnPorts wants no other one: a unix socket alone opens none.
func (m *machine) listensOnPorts(want ...string) {
	m.t.Helper()
	found := map[string]bool{}
	for line := range strings.SplitSeq(m.root("ss", "--listening", "--tcp", "--numeric", "--no-header"), "\n") {
		local := strings.Fields(line)[3]
		found[local[strings.LastIndex(local, ":")+1:]] = true
	}
	for _, port := range want {
		if !found[port] {
			m.t.Errorf("nothing listens on port %s", port)
		}
		delete(found, port)
	}
	if len(found) > 0 {
		m.t.Errorf("something listens on %v", found)
	}
}

// monitIsContent wants an answer that monit has got itself: before its first
// request it calls a service OK, too.
func (m *machine) monitIsContent(b behind, over string) {
	m.t.Helper()
	eventually(m.t, 30*time.Second, func() error {
		if state := m.monitState(b); !strings.Contains(state, " status OK ") || !strings.Contains(state, " ms to "+over+" type TCP") {
			return fmt.Errorf("monit says of %s:\n%s", b.unit(), state)
		}
		return nil
	})
}

// monitState is what monit knows of a service; single spaces.
func (m *machine) monitState(b behind) string {
	m.t.Helper()
	result, err := m.Exec(shared.ctx, "monit", "-B", "status", strings.TrimSuffix(b.unit(), ".service"))
	if err = errors.Join(err, result.Check()); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(result.Stdout), " ")
}

// restartsInPlace has puma hand its sockets over to itself (USR2).
func (m *machine) restartsInPlace(b behind) {
	m.t.Helper()
	pid := m.show(b.unit(), "MainPID")
	written := func() string {
		return m.root("stat", "--format=%y", "/home/deploy/apps/"+b.name+"/shared/tmp/pids/puma.pid")
	}
	before := written()
	m.deploy("systemctl --user reload " + b.unit())
	eventually(m.t, 30*time.Second, func() error {
		if written() == before {
			return fmt.Errorf("%s has not restarted", b.unit())
		}
		return m.askOver(b)
	})
	if after := m.show(b.unit(), "MainPID"); after != pid {
		m.t.Errorf("%s was process %s and is %s after a reload", b.unit(), pid, after)
	}
}

// comesBack wants another process to answer on the socket.
func (m *machine) comesBack(b behind, after string, do func()) {
	m.t.Helper()
	before := m.show(b.unit(), "MainPID")
	do()
	eventually(m.t, 30*time.Second, func() error {
		if pid := m.show(b.unit(), "MainPID"); pid == before || pid == "0" {
			return fmt.Errorf("%s is still process %s after %s of %s", b.unit(), pid, after, before)
		}
		return m.askOver(b)
	})
}

// requestsWaitWhileItRestarts is what systemd's holding the socket is for.
func (m *machine) requestsWaitWhileItRestarts(b behind) {
	m.t.Helper()
	restarted := make(chan error, 1)
	go func() {
		result, err := m.Run(shared.ctx, deployUser, "systemctl --user restart "+b.unit())
		restarted <- errors.Join(err, result.Check())
	}()
	answered := 0
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); answered++ {
		if err := m.askOver(b); err != nil {
			m.t.Fatalf("while %s restarts: %v\n%s", b.unit(), err, m.root("journalctl", "--no-pager", "--output=short-precise", "--lines=60"))
		}
		select {
		case err := <-restarted:
			if err != nil {
				m.t.Fatal(err)
			}
			figure("unix_socket.answered_during_restart."+b.name, answered+1, "count")
			return
		default:
		}
	}
	m.t.Fatalf("the restart of %s does not end", b.unit())
}

// hangIsRepaired stops all of puma's processes, which systemd cannot see.
func (m *machine) hangIsRepaired(b behind) {
	m.t.Helper()
	m.monitIsContent(b, b.path())
	before := m.show(b.unit(), "MainPID")
	began := time.Now()
	m.root("sh", "-c", `for pid in $(cat "/sys/fs/cgroup$1/cgroup.procs"); do kill -STOP "$pid"; done`, "stopAll", m.show(b.unit(), "ControlGroup"))
	eventually(m.t, 2*time.Minute, func() error {
		if pid := m.show(b.unit(), "MainPID"); pid == before || pid == "0" {
			return fmt.Errorf("%s hangs as process %s, and monit says:\n%s", b.unit(), pid, m.monitState(b))
		}
		return m.askOver(b)
	})
	figure("unix_socket.hang_repair_s", time.Since(began).Seconds(), "s")
	m.monitIsContent(b, b.path())
}
