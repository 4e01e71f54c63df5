package bundle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
)

func TestStartBecomesRootThroughSudo(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, `echo "uid $(id -u)"; exit 3`)
		h.env = append(h.env, "FAKE_UID=1000")
		h.program(t, "sudo", `[ "$1" = -n ] || exit 99; shift; FAKE_UID=0 exec "$@"`)
		end := h.run(t)
		if end.Status != 3 || end.Output != "uid 0\n" {
			t.Errorf("%+v", end)
		}
		h.mustBeClean(t)
	})
}

func TestStartTellsThatSudoFailed(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, "echo unreachable")
		h.env = append(h.env, "FAKE_UID=1000")
		h.program(t, "sudo", "echo 'sudo: a password is required' >&2; exit 1")
		end := h.run(t)
		mustRefuse(t, end, "passwordless sudo")
		if !strings.Contains(end.Stderr, "a password is required") {
			t.Errorf("stderr %q: sudo's own words are lost", end.Stderr)
		}
		h.mustBeClean(t)
	})
}

// The tool's failure is not sudo's.
func TestStartBlamesNotSudoForTheTool(t *testing.T) {
	h := newHost(t, "sh", "exit 1")
	h.env = append(h.env, "FAKE_UID=1000")
	h.program(t, "sudo", `shift; FAKE_UID=0 exec "$@"`)
	if end := h.run(t); end.Status != 1 || len(end.Events) != 0 {
		t.Errorf("%+v", end)
	}
	h.mustBeClean(t)
}

func TestStartTellsThatNoFolderServes(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, "echo unreachable")
		if err := os.RemoveAll(filepath.Join(h.dir, "good")); err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, h.run(t), "noexec")
		h.mustBeClean(t)
	})
}

func TestStartTellsThatTheUploadIsIncomplete(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, "echo unreachable")
		info, err := os.Stat(h.bundle)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(h.bundle, info.Size()-1); err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, h.run(t), "incomplete")
		h.mustBeClean(t)
	})
}

func TestStartTellsThatAProgramIsMissing(t *testing.T) {
	if _, err := os.Stat("/usr/sbin/gzip"); err == nil {
		t.Skip("this system keeps gzip in a folder that the header adds to PATH")
	}
	h := newHost(t, "/bin/sh", "echo unreachable")
	for _, name := range []string{"wc", "tail", "head", "mktemp", "chmod", "rm"} {
		h.program(t, name, "exec /bin/"+name+` "$@"`)
	}
	h.env = append(h.env, "PATH="+filepath.Join(h.dir, "bin"))
	mustRefuse(t, h.run(t), "no gzip")
	h.mustBeClean(t)
}

// With the text fed through a pipe, $0 is the shell's own name: nothing may be removed.
func TestStartRefusesToRunFromAPipe(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, "echo unreachable")
		input, err := os.Open(h.bundle)
		if err != nil {
			t.Fatal(err)
		}
		defer input.Close()
		victim := filepath.Join(h.dir, shell)
		h.write(t, victim, nil)
		cmd := h.command()
		cmd.Dir, cmd.Stdin = h.dir, input
		out, err := cmd.Output()
		if status(t, err) == 0 {
			t.Error("exit status 0")
		}
		// No end event: the build machine still has to remove what it uploaded.
		got := events(string(out))
		if len(got) != 1 || got[0].Type != event.Problem || !strings.Contains(got[0].Text, "execute_command") {
			t.Errorf("events %+v", got)
		}
		if _, err := os.Stat(victim); err != nil {
			t.Error(err)
		}
	})
}
