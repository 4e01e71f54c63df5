package deployuser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Program is a program that is run, without arguments, for what it prints. It
// gets nothing of the caller's but the umask: not its rights, environment,
// files, session or terminal.
type Program struct {
	Path string
	// As is whose rights it runs with; nil for the caller's.
	As *blueprint.User
	// Groups are its supplementary groups, when As is given.
	Groups []int
	// MaxOutput is the most bytes that it may print.
	MaxOutput int
}

// drainTime is for reading what an ended program has left in the pipe.
const drainTime = time.Second

// Output runs the program to its end and returns what it printed. When ctx ends
// or it prints too much, it is killed; what it has started ends with it. The
// error holds nothing of what it wrote, be it to standard error, for that may
// be a secret.
func (p Program) Output(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("it was not started, since the time was over: %w", err)
	}
	killable, kill := context.WithCancel(ctx)
	defer kill()
	cmd := exec.CommandContext(killable, p.Path)
	cmd.Dir = "/"
	cmd.Env = p.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if p.As != nil {
		cmd.SysProcAttr.Credential = credential(p.As, p.Groups)
	}
	// The session's leader leads a process group too, by its own number.
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	stdout, err := p.stream(cmd.StdoutPipe())
	if err != nil {
		return "", err
	}
	stderr, err := p.stream(cmd.StderrPipe())
	if err != nil {
		return "", err
	}
	if err := start(cmd); err != nil {
		return "", fmt.Errorf("it cannot be started (a script needs a first line such as #!/bin/sh): %w", err)
	}
	printed, complained := make(chan []byte, 1), make(chan int64, 1)
	go func() {
		text, err := io.ReadAll(io.LimitReader(stdout, int64(p.MaxOutput)+1))
		if len(text) > p.MaxOutput || err != nil {
			kill()
		}
		printed <- text
	}()
	go func() {
		n, _ := io.Copy(io.Discard, stderr)
		complained <- n
	}()
	text, ended := end(ctx, cmd, printed)
	err = cmd.Wait() // closes the pipes, which ends both readers
	said := <-complained
	switch {
	case len(text) > p.MaxOutput:
		return "", fmt.Errorf("it prints more than %d bytes, and was killed", p.MaxOutput)
	case ctx.Err() != nil:
		return "", fmt.Errorf("it did not end in time, and was killed: %w", ctx.Err())
	case err != nil:
		return "", fmt.Errorf("it ended with %w, and %d bytes on its standard error, which are not kept", err, said)
	case !ended:
		return "", errors.New("it has ended, but something that it started keeps its standard output open: redirect that one's")
	}
	return string(text), nil
}

// end waits until the program has ended, and then ends what it has started. The
// text is all that it has printed, unless something still holds its output; when
// the time is over, nobody waits for that.
func end(ctx context.Context, cmd *exec.Cmd, printed chan []byte) (text []byte, ended bool) {
	waitExit(cmd.Process.Pid)
	// The program is not reaped yet, so its number is nobody else's.
	_ = cmd.Cancel() // nothing is left in most cases
	select {
	case text = <-printed:
		return text, true
	case <-ctx.Done():
	case <-time.After(drainTime):
	}
	return nil, false
}

// environment is fixed, and in UTF-8, which a value has to be.
func (p Program) environment() []string {
	env := []string{"PATH=" + searchPath, "LANG=C.UTF-8"}
	if u := p.As; u != nil {
		env = append(env, "HOME="+u.Home, "USER="+u.Name, "LOGNAME="+u.Name)
	}
	return env
}

// stream gives a pipe to the user, who could otherwise not open the file
// /dev/stderr or /dev/stdout, as scripts do. Both ends have one owner.
func (p Program) stream(pipe io.ReadCloser, err error) (io.Reader, error) {
	if err != nil || p.As == nil {
		return pipe, err
	}
	file, ok := pipe.(*os.File)
	if !ok {
		return nil, errors.New("a pipe is no file")
	}
	err = file.Chown(p.As.UID, p.As.GID)
	return file, err
}

// start starts cmd with what os/exec has no attribute for.
func start(cmd *exec.Cmd) error {
	if err := closeOnExec(); err != nil {
		return err
	}
	started := make(chan error)
	go func() {
		// Never unlocked: the thread ends with this goroutine, and with the
		// thread its attribute, which only the program has inherited.
		runtime.LockOSThread()
		err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
	}()
	return <-started
}

// closeOnExec keeps files from the program that the caller was started with.
// Go opens none without that flag. close_range(2) is newer than systemd 245.
func closeOnExec() error {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, fd := range fds {
		if n, err := strconv.Atoi(fd.Name()); err == nil && n > unix.Stderr {
			unix.CloseOnExec(n)
		}
	}
	return nil
}

// waitExit returns when the process has ended, and leaves it to be reaped.
func waitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
