//go:build acceptance && linux

package acceptance

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// TestCancelledBuildLeavesNothingAndConverges interrupts Packer, as Ctrl-C
// does, while the host tool has apt-get install packages.
func TestCancelledBuildLeavesNothingAndConverges(t *testing.T) {
	t.Parallel()
	m := boot(t, testmachine.RootOptions{Name: "cancel", Lower: []string{shared.base}})
	work := t.TempDir()
	cmd := packerCommand(shared.ctx, work, "build", "testdata/templates/bake", bakeVars(m.Addr()), "-color=false")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, func() error {
		if m.processes("dpkg .*--unpack") == "" {
			return errors.New("no package is being installed yet")
		}
		return nil
	})
	if err := interrupt(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("packer build succeeded although it was interrupted:\n%s", &said)
	}
	// Packer does not wait for its provisioners, so the host tool finds out by
	// itself. What runs is not torn apart: apt-get ends first.
	eventually(t, time.Minute, func() error {
		if running := m.processes("deployhost|apt-get|dpkg"); running != "" {
			return errors.New("still running:\n" + running)
		}
		return nil
	})
	m.nothingLeft()
	m.absent("/usr/sbin/policy-rc.d")
	if users := m.root("cut", "-d:", "-f1", "/etc/passwd"); strings.Contains(users, deployUser) {
		t.Error("the run went on to its next step")
	}

	mustBuild(t, "testdata/templates/bake", m.Addr(), nil)
	m.root("deployhost", "verify")
}

// processes lists those of the machine whose command line matches an extended
// regular expression.
func (m *machine) processes(pattern string) string {
	m.t.Helper()
	found, err := m.Exec(shared.ctx, "pgrep", "--full", "--list-full", pattern)
	if err != nil {
		m.t.Fatal(err)
	}
	return found.Stdout
}

// nothingLeft wants no trace of an upload.
func (m *machine) nothingLeft() {
	m.t.Helper()
	left, err := leftovers(shared.ctx, m.Container)
	if err != nil {
		m.t.Fatal(err)
	}
	if left != "" {
		m.t.Errorf("left behind:\n%s", left)
	}
}
