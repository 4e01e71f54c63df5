package host

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Setenv("https_proxy", "http://proxy:1")
	t.Setenv("BASH_ENV", "/tmp/evil")
	h := New()
	out, err := h.Run(Command{Args: []string{"sh", "-c", "cat; env; echo oops >&2; exit 3"}, Env: []string{"A=b"}, Stdin: []byte("in\n")})
	if err != nil {
		t.Fatal(err)
	}
	if out.Code != 3 || !strings.HasPrefix(out.Stdout, "in\n") || strings.Contains(out.Stdout, "oops") || !strings.HasSuffix(out.Text, "oops\n") {
		t.Errorf("%+v", out)
	}
	for _, line := range []string{"A=b", "https_proxy=http://proxy:1", "PATH=" + Path, "LC_ALL=C"} {
		if !strings.Contains(out.Stdout, line+"\n") {
			t.Errorf("the environment lacks %s:\n%s", line, out.Stdout)
		}
	}
	if strings.Contains(out.Stdout, "evil") {
		t.Errorf("our own environment is passed on:\n%s", out.Stdout)
	}
}

func TestCredentialsNeverWrapAroundToRoot(t *testing.T) {
	for _, id := range []int{0, -1, 1<<32 - 1, 1 << 32} {
		for _, c := range []Credential{{UID: id, GID: 1}, {UID: 1, GID: id}, {UID: 1, GID: 1, Groups: []int{id}}} {
			if _, err := New().Run(Command{Args: []string{"true"}, As: &c}); err == nil || !strings.Contains(err.Error(), "uid or gid") {
				t.Errorf("%+v: %v", c, err)
			}
		}
	}
}

// A package's script may leave a daemon behind that holds its output open.
func TestRunDoesNotWaitForDaemons(t *testing.T) {
	h := New()
	out, err := h.Run(Command{Args: []string{"sh", "-c", "sleep 600 & echo $!"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("kill", strings.TrimSpace(out.Stdout)).Run(); err != nil {
		t.Error("the daemon is gone:", err)
	}
}

func TestDoTellsTheEndOfTheOutput(t *testing.T) {
	_, err := New().Do(Command{Args: []string{"sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo line$i; done; exit 9"}})
	if err == nil || !strings.Contains(err.Error(), "status 9") || !strings.Contains(err.Error(), "line13") || strings.Contains(err.Error(), "line1\n") {
		t.Error(err)
	}
	if _, err := New().Do(Command{Args: []string{"no-such-program"}}); !errors.Is(err, exec.ErrNotFound) {
		t.Error(err)
	}
}
