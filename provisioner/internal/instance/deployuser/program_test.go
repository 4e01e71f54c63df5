package deployuser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// programs are what the test's own binary does under other names; they give
// the exit status.
var programs = map[string]func(dir string) int{
	"prints":  func(string) int { return say("value\n") },
	"forbids": func(string) int { return say("a\x00b\xff") },
	"exits-3": func(string) int {
		_, _ = os.Stderr.WriteString("secret\n")
		return say("secret") + 3
	},
	"dies": func(string) int {
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		return sleep()
	},
	"complains": func(string) int {
		_, _ = io.Copy(os.Stderr, io.LimitReader(zeros{}, 1<<20))
		return say("value")
	},
	"floods": func(dir string) int {
		tell(dir, os.Getpid())
		for {
			say(strings.Repeat("x", 1<<20))
		}
	},
	"sleeps": func(dir string) int {
		say("half a va")
		tell(dir, os.Getpid(), spawn(dir, "child", nil))
		return sleep()
	},
	"leaves": func(dir string) int {
		tell(dir, spawn(dir, "child", nil))
		return say("value")
	},
	// A daemon, as far as it goes: not within reach of its parent's group.
	"escapes": func(dir string) int {
		tell(dir, spawn(dir, "child", &syscall.SysProcAttr{Setsid: true}))
		return say("value")
	},
	"child": func(string) int { return sleep() },
	"looks": func(string) int { return look() },
}

func say(text string) int {
	_, _ = os.Stdout.WriteString(text)
	return 0
}

func sleep() int {
	time.Sleep(time.Minute)
	return 0
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// The main thread cannot end when its goroutine does: Go only parks it for
// good, and keepsItsOwn could not tell that from one that works on.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	if act := programs[filepath.Base(os.Args[0])]; act != nil {
		os.Exit(act(filepath.Dir(os.Args[0])))
	}
	os.Exit(m.Run())
}

// spawn starts a child that has its parent's standard output.
func spawn(dir, name string, attr *syscall.SysProcAttr) int {
	cmd := exec.Command(filepath.Join(dir, name))
	cmd.Stdout, cmd.SysProcAttr = os.Stdout, attr
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	return cmd.Process.Pid
}

func tell(dir string, pids ...int) {
	data, err := json.Marshal(pids)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "pids"), data, 0o600)
	}
	if err != nil {
		panic(err)
	}
}

// install gives a directory with the programs in it. Links, because a file that
// is being written while another test forks cannot be run (golang.org/issue/22315).
func install(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name := range programs {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestProgramOutput(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ value, err string }{
		"prints":    {value: "value\n"},
		"forbids":   {value: "a\x00b\xff"},
		"complains": {value: "value"},
		"leaves":    {value: "value"},
		"exits-3":   {err: "it ended with exit status 3, and 7 bytes on its standard error"},
		"dies":      {err: "it ended with signal: killed"},
		"floods":    {err: "it prints more than 100 bytes, and was killed"},
		"escapes":   {err: "something that it started keeps its standard output open"},
		"text":      {err: "exec format error"},
		"gone":      {err: "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := install(t)
			if err := os.WriteFile(filepath.Join(dir, "text"), []byte("echo value\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			value, err := Program{Path: filepath.Join(dir, name), MaxOutput: 100}.Output(t.Context())
			if value != tc.value || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%q, %v", value, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error("the error tells what was printed")
			}
			left := told(t, dir)
			if name == "escapes" {
				for _, pid := range left {
					_ = unix.Kill(pid, unix.SIGKILL)
				}
			}
			wantGone(t, left)
		})
	}
}

func TestProgramEndsWithItsTimeAndTakesItsChildrenAlong(t *testing.T) {
	t.Parallel()
	dir := install(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for len(told(t, dir)) == 0 && t.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	value, err := Program{Path: filepath.Join(dir, "sleeps"), MaxOutput: 100}.Output(ctx)
	if value != "" || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "did not end in time") {
		t.Errorf("%q, %v", value, err)
	}
	left := told(t, dir)
	if len(left) != 2 {
		t.Fatalf("processes %v, not the program's and its child's", left)
	}
	wantGone(t, left)
}

func TestProgramIsNotStartedTooLate(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Program{Path: filepath.Join(install(t), "prints"), MaxOutput: 100}.Output(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the time was over") {
		t.Error(err)
	}
}

// told are the processes that a program has told of; none when it has not (yet).
func told(t *testing.T, dir string) (pids []int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "pids"))
	if err == nil && len(data) > 0 {
		_ = json.Unmarshal(data, &pids) // half written: not yet
	}
	return pids
}

// wantGone waits for processes that are being killed. What nobody reaps in a
// container without an init is gone as well.
func wantGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			_, state, _ := strings.Cut(string(stat), ") ")
			if err != nil || strings.HasPrefix(state, "Z") {
				break
			}
			if time.Now().After(end) {
				t.Errorf("process %d lives on: %s", pid, stat)
				break
			}
		}
	}
}
