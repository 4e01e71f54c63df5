package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Path is where programs are looked up: root's own places, never the caller's
// PATH, which sudo or a chroot may have left without sbin.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// passed is what programs keep of our environment: how to reach a package mirror.
var passed = []string{"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}

// New is the machine that this program runs on.
func New() Host { return Host{Root: "/", Run: run} }

func run(c Command) (Output, error) {
	program, err := lookPath(c.Args[0])
	if err != nil {
		return Output{}, err
	}
	stdout, err := memory()
	if err != nil {
		return Output{}, err
	}
	defer stdout.Close()
	text, err := memory()
	if err != nil {
		return Output{}, err
	}
	defer text.Close()

	cmd := exec.Command(program, c.Args[1:]...)
	cmd.Dir = "/"
	if c.Dir != "" {
		cmd.Dir = c.Dir
	}
	cmd.Env = append(rootEnv(), c.Env...)
	// A session of its own: what stops us must not stop dpkg half-way, and what
	// runs as the deploy user must not reach root's terminal (TIOCSTI).
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if c.As != nil {
		cmd.Env = c.Env
		if cmd.SysProcAttr.Credential, err = c.As.kernel(); err != nil {
			return Output{}, err
		}
	}
	if c.Stdin != nil {
		cmd.Stdin = bytes.NewReader(c.Stdin)
	}
	cmd.Stdout, cmd.Stderr = stdout, text
	if c.Log != nil {
		cmd.Stdout, cmd.Stderr = c.Log, c.Log
	}
	if c.Room != nil {
		c.inRoom(cmd, roomTool())
	}
	err = c.runUntil(cmd)
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return Output{}, err
	}
	return output(cmd.ProcessState.ExitCode(), stdout, text)
}

// runUntil runs a program to its end or to Stop's.
func (c Command) runUntil(cmd *exec.Cmd) error {
	// Pdeathsig is about the thread that started the program, which Go must not end.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-c.Stop:
			// The group that Setsid has made.
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		case <-ended:
		}
	}()
	return cmd.Wait()
}

// roomTool is this program, under the name that it was started by if /proc is not there.
func roomTool() string {
	if tool, err := os.Executable(); err == nil {
		return tool
	}
	return os.Args[0]
}

// kernel gives the numbers as setuid(2) takes them. One that does not fit would
// wrap around, and 2^32 is root.
func (c Credential) kernel() (*syscall.Credential, error) {
	ids := make([]uint32, 0, len(c.Groups)+2)
	for _, id := range append([]int{c.UID, c.GID}, c.Groups...) {
		if id <= 0 || id >= math.MaxUint32 {
			return nil, fmt.Errorf("uid or gid %d: want 1 to %d", id, uint32(math.MaxUint32-1))
		}
		ids = append(ids, uint32(id))
	}
	return &syscall.Credential{Uid: ids[0], Gid: ids[1], Groups: ids[2:]}, nil
}

// memory is a file without a name. A pipe would end a package manager with
// SIGPIPE when we are killed, and keep us waiting for each daemon that inherits it.
func memory() (*os.File, error) {
	fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	return os.NewFile(uintptr(fd), "output"), nil
}

func output(code int, stdout, stderr *os.File) (Output, error) {
	out := Output{Code: code}
	var problems string
	for _, stream := range []struct {
		file *os.File
		text *string
	}{{stdout, &out.Stdout}, {stderr, &problems}} {
		data, err := io.ReadAll(io.NewSectionReader(stream.file, 0, MaxOutput))
		if err != nil {
			return Output{}, err
		}
		*stream.text = string(data)
	}
	// Errors last: they are what a message's tail should show.
	out.Text = out.Stdout + problems
	return out, nil
}

func rootEnv() []string {
	env := []string{"PATH=" + Path, "HOME=/root", "LC_ALL=C", "TERM=dumb"}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func lookPath(program string) (string, error) {
	if filepath.IsAbs(program) {
		return program, nil
	}
	for dir := range strings.SplitSeq(Path, ":") {
		file := filepath.Join(dir, program)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: %w", program, exec.ErrNotFound)
}
