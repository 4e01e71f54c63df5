//go:build acceptance && linux

package acceptance

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	// asked is what testdata/templates/exec/database-url makes when it is run.
	asked = "/home/deploy/asked"
	// hanging makes it hang, with sleepers of usersGroup's and of none.
	hanging = "/etc/shop/hang"
	sleeper = "86399"
	// usersGroup is the supplementary group that may read the secret (Debian's users).
	usersGroup = 100
)

// slowNetwork is a network that is up later than all else that the hook waits for.
const slowNetwork = `[Unit]
Before=network-online.target
[Service]
Type=oneshot
ExecStart=/bin/sleep 3
RemainAfterExit=yes
`

// TestValuesOfPrograms boots two instances of an image whose required value is
// what a program prints: one on which it works at once, one on which it hangs.
func TestValuesOfPrograms(t *testing.T) {
	t.Parallel()
	lower := bakeProgram(t)
	t.Run("works", func(t *testing.T) {
		t.Parallel()
		m := bootInstance(t, lower, "exec", map[string]any{"cell": "north"}, nil)
		if said := m.waitForAnswer(); said.DatabaseURL != databaseURL || said.Cell != "north" {
			t.Errorf("the app got %+v", said)
		}
		m.waitedForTheNetwork()
		if made := m.root("stat", "-c", "%a %U %G", asked); made != "600 deploy deploy" {
			t.Errorf("what the program made is %s", made)
		}
		m.keepsTheSecret()
		m.noFailedUnits()
		figure("exec.hook_s", m.attemptSeconds(), "s")
	})
	t.Run("hangs", func(t *testing.T) {
		t.Parallel()
		m := bootInstance(t, lower, "exec-hangs", nil, map[string]string{hanging: ""})
		m.nothingHangsBetweenAttempts()
		took := m.attemptSeconds()
		figure("exec.hung_hook_s", took, "s")
		if took > 4 {
			t.Errorf("the attempt took %.1f s of its 4", took)
		}
		if user := m.deploy("id -un"); user != deployUser {
			t.Errorf("ssh gives %s", user)
		}
		if state := m.show(pumaUnit, "ActiveState"); state == "active" {
			t.Errorf("puma is %s without its values", state)
		}
		if told := m.statusProblems(); !strings.Contains(told, "DATABASE_URL from exec:/usr/local/bin/database-url: it did not end in time") {
			t.Errorf("deployhost status does not name the value and the reason:\n%s", told)
		}
		m.root("rm", hanging)
		if said := m.waitForAnswer(); said.DatabaseURL != databaseURL {
			t.Errorf("the app got %+v", said)
		}
		m.keepsTheSecret()
		m.noFailedUnits()
	})
}

// bakeProgram bakes the image, and deploys a release and the secret into it.
func bakeProgram(t *testing.T) []string {
	t.Helper()
	m := boot(t, testmachine.RootOptions{Name: "exec-bake", Lower: []string{shared.base}})
	mustBuild(t, "testdata/templates/exec", m.Addr(), nil)
	if err := m.PowerOff(shared.ctx); err != nil {
		t.Fatal(err)
	}
	lower, err := m.Commit(shared.ctx, filepath.Join(shared.layers, "exec-baked"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := appFiles()
	if err != nil {
		t.Fatal(err)
	}
	files[databaseURLPath] = databaseURL + "\n"
	files["/etc/systemd/system/slow-network.service"] = slowNetwork
	lower, err = editLayers(shared.ctx, "exec-deployed", lower, files, func(root string) error {
		out, err := exec.CommandContext(shared.ctx, "chroot", "--userspec=deploy:deploy", root, "sh", "/srv/app/release.sh", "/home/deploy/apps/shop", "1").CombinedOutput()
		if err != nil {
			return fmt.Errorf("release.sh: %w: %s", err, out)
		}
		secret := filepath.Join(root, databaseURLPath)
		wants := filepath.Join(root, "etc/systemd/system/network-online.target.wants")
		return errors.Join(os.Chown(secret, 0, usersGroup), os.Chmod(secret, 0o640),
			os.MkdirAll(wants, 0o755), os.Symlink("../slow-network.service", filepath.Join(wants, "slow-network.service")))
	})
	if err != nil {
		t.Fatal(err)
	}
	return lower
}

// attemptSeconds is how long the hook's latest attempt took.
func (m *machine) attemptSeconds() float64 {
	m.t.Helper()
	var verdict instance.Verdict
	if err := json.Unmarshal([]byte(m.root("cat", blueprint.VerdictPath)), &verdict); err != nil {
		m.t.Fatal(err)
	}
	return verdict.Seconds
}

func (m *machine) waitedForTheNetwork() {
	m.t.Helper()
	if state := m.root("systemctl", "is-active", "network-online.target"); state != "active" {
		m.t.Errorf("network-online.target is %s", state)
	}
	online := m.monotonic(m.showSystem("network-online.target", "ActiveEnterTimestampMonotonic"))
	hook := m.monotonic(m.showSystem(hookUnit, "ExecMainStartTimestampMonotonic"))
	if hook < online {
		m.t.Errorf("the hook started at %d µs, and the network was up at %d", hook, online)
	}
}

// keepsTheSecret looks where others could read it. The texts are searched
// here, or the search itself would be found.
func (m *machine) keepsTheSecret() {
	m.t.Helper()
	for where, text := range map[string]string{
		"the journal":        m.root("journalctl", "--all", "--no-pager", "--output=export"),
		"a command line":     m.root("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null || :"),
		"the hook's verdict": m.root("cat", blueprint.VerdictPath),
	} {
		if len(text) < 100 {
			m.t.Errorf("%s holds next to nothing: %q", where, text)
		}
		if strings.Contains(text, databaseURL) {
			m.t.Errorf("%s tells the value", where)
		}
	}
}

// nothingHangsBetweenAttempts waits for a moment at which the hook has failed
// and is to be started again, and wants no process of its program by then.
func (m *machine) nothingHangsBetweenAttempts() {
	m.t.Helper()
	eventually(m.t, time.Minute, func() error {
		state := "systemctl show --value --property=SubState " + hookUnit
		text := m.root("sh", "-c", state+`; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n'; echo; `+state)
		if !strings.HasPrefix(text, "auto-restart\n") || !strings.HasSuffix(text, "\nauto-restart") {
			return errors.New("the hook is at work")
		}
		if strings.Contains(text, "\n"+sleeper+"\n") || strings.Contains(text, "database-url\n") {
			return fmt.Errorf("left of the program:\n%s", text)
		}
		return nil
	})
	m.root("test", "-e", asked)
}
