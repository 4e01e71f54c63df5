package deployuser

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// sight is what a program sees of the process that started it.
type sight struct {
	Env             []string
	Files           []string
	Dir, Stdin      string
	Leader          bool
	Terminal        bool
	OpensItsStreams bool
	Status          map[string]string
}

func look() int {
	s := sight{Env: os.Environ(), Status: status("/proc/self/status")}
	s.Dir, _ = os.Getwd()
	s.Stdin, _ = os.Readlink("/proc/self/fd/0")
	sid, _ := unix.Getsid(0)
	s.Leader = sid == os.Getpid() && unix.Getpgrp() == sid
	tty, err := os.Open("/dev/tty")
	s.Terminal = err == nil
	_ = tty.Close()
	stdout, outErr := os.OpenFile("/dev/stdout", os.O_WRONLY, 0)
	stderr, errErr := os.OpenFile("/dev/stderr", os.O_WRONLY, 0)
	s.OpensItsStreams = outErr == nil && errErr == nil
	_, _ = stdout.Close(), stderr.Close()
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		to, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		s.Files = append(s.Files, to)
	}
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		return 1
	}
	return 0
}

func status(file string) map[string]string {
	data, _ := os.ReadFile(file)
	lines := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		lines[name] = strings.Join(strings.Fields(value), " ")
	}
	return lines
}

// TestProgramSeesNothingOfItsStarter runs before the parallel tests, since it
// writes the program that it runs.
func TestProgramSeesNothingOfItsStarter(t *testing.T) { //nolint:paralleltest // see above
	t.Setenv("ROOTS_SECRET", "x")
	before := status("/proc/self/status")["NoNewPrivs"]
	dir, user := forEverybody(t)
	file, err := os.CreateTemp(t.TempDir(), "roots")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	inherited, err := unix.Dup(int(file.Fd())) // as if our starter had left it open
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(inherited)

	out, err := Program{Path: filepath.Join(dir, "looks"), As: user, Groups: []int{2001, 300}, MaxOutput: 1 << 16}.Output(t.Context())
	var saw sight
	if err == nil {
		err = json.Unmarshal([]byte(out), &saw)
	}
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}
	if user != nil {
		env = append(env, "HOME=/home/deploy", "USER=deploy", "LOGNAME=deploy")
		rights := map[string]string{"Uid": "2000 2000 2000 2000", "Gid": "2001 2001 2001 2001", "Groups": "300 2001",
			"CapEff": "0000000000000000", "CapPrm": "0000000000000000"}
		for name, want := range rights {
			if got := saw.Status[name]; got != want {
				t.Errorf("%s is %s, not %s", name, got, want)
			}
		}
	}
	if saw.Status["NoNewPrivs"] != "1" {
		t.Error("it can gain rights by a set-user-ID program")
	}
	if slices.Contains(saw.Files, file.Name()) { // Go's runtime opens others of its own
		t.Errorf("it has our files open: %q", saw.Files)
	}
	want := sight{Env: env, Dir: "/", Stdin: "/dev/null", Leader: true, OpensItsStreams: true, Files: saw.Files, Status: saw.Status}
	if diff := cmp.Diff(want, saw); diff != "" {
		t.Errorf("it sees (-want +got):\n%s", diff)
	}
	keepsItsOwn(t, before)
}

// forEverybody installs the programs where any user can run them; without root
// there is only one user.
func forEverybody(t *testing.T) (string, *blueprint.User) {
	t.Helper()
	if os.Geteuid() != 0 {
		return install(t), nil
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "program-") //nolint:usetesting // the parent of t.TempDir() is the tester's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(filepath.Join(dir, "looks"), self, 0o755)); err != nil {
		t.Fatal(err)
	}
	return dir, &blueprint.User{Name: "deploy", UID: 2000, GID: 2001, Home: "/home/deploy"}
}

// keepsItsOwn wants none of this process's threads to have given up what the
// program was to be without; the one that had has ended.
func keepsItsOwn(t *testing.T, before string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		tasks, err := filepath.Glob("/proc/self/task/*/status")
		if err != nil || len(tasks) == 0 {
			t.Fatal(tasks, err)
		}
		changed := slices.ContainsFunc(tasks, func(task string) bool {
			now, ok := status(task)["NoNewPrivs"]
			return ok && now != before
		})
		if !changed {
			return
		}
		if time.Now().After(end) {
			t.Fatal("a thread of the starter's has lost its rights")
		}
	}
}
