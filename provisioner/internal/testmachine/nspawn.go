//go:build linux

package testmachine

import (
	"context"
	_ "embed" // nspawn.sh
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed nspawn.sh
var nspawnScript string

// rebootStatus is how systemd-nspawn, told to stay in its unit, says that the guest wants to be started again.
const rebootStatus = 133

// nspawnArgs are systemd-nspawn(1)'s, followed by those of the guest's init,
// where cloud-init in a container looks for what a kernel command line would tell it.
func nspawnArgs(root, name, netns string, cloudInit bool) []string {
	args := []string{
		"--quiet", "--register=no", "--keep-unit", "--boot", "--link-journal=no", "--settings=no",
		"--resolv-conf=off", "--timezone=off", "--console=pipe",
		"--network-namespace-path=" + netns, "--directory=" + root,
		"--machine=" + name,
	}
	if !cloudInit {
		args = append(args, "cloud-init=disabled")
	}
	return args
}

// startInit starts the script that becomes systemd-nspawn, in namespaces and the control group of its own.
func startInit(ctx context.Context, args []string, group string, console *os.File) (*exec.Cmd, error) {
	dir, err := os.Open(group)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	cmd, err := hostCommand(ctx, "sh", append([]string{"-c", nspawnScript, "nspawn.sh"}, args...)...)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = console, console
	// It locks images machine-wide; the overlay is ours alone.
	cmd.Env = append(os.Environ(), "SYSTEMD_NSPAWN_LOCK=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWCGROUP,
		UseCgroupFD: true,
		CgroupFD:    int(dir.Fd()),
		Setsid:      true, // Ctrl-C at the terminal is for us to handle
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a container: %w", err)
	}
	return cmd, nil
}

// supervise starts the guest again whenever it reboots, and ends with it.
func (c *Container) supervise(ctx context.Context, init *exec.Cmd, argv []string) {
	defer close(c.ended)
	for {
		err := init.Wait()
		var exit *exec.ExitError
		if ctx.Err() != nil || !errors.As(err, &exit) || exit.ExitCode() != rebootStatus {
			return
		}
		if init, err = startInit(ctx, argv, c.group, c.console); err != nil {
			say("starting %s again: %v", c.info.Name, err)
			return
		}
		c.mu.Lock()
		c.boots++
		c.mu.Unlock()
	}
}

// guestInit finds the guest's PID 1 as this machine numbers it: the process
// that is 1 two PID namespaces further down.
func guestInit(group string) (int, error) {
	for _, g := range groupsBelow(group) {
		procs, err := os.ReadFile(filepath.Join(g, "cgroup.procs"))
		if err != nil {
			continue
		}
		for _, pid := range strings.Fields(string(procs)) {
			status, err := os.ReadFile("/proc/" + pid + "/status")
			if err == nil && isGuestInit(string(status)) {
				return strconv.Atoi(pid)
			}
		}
	}
	return 0, errors.New("the container is not running")
}

// isGuestInit reads NSpid of proc_pid_status(5): the numbers in our, nspawn's and the guest's namespace.
func isGuestInit(status string) bool {
	for line := range strings.Lines(status) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			fields := strings.Fields(numbers)
			return len(fields) == 3 && fields[2] == "1"
		}
	}
	return false
}

func nsenterArgs(pid int, argv []string) []string {
	args := []string{
		"--target", strconv.Itoa(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
		"--root", "--wd", "--",
	}
	return append(args, argv...)
}

// execer is a machine that can run a program as root.
type execer interface {
	Exec(ctx context.Context, argv ...string) (Result, error)
}

// waitBooted asks systemd until it says that it is up. The first answers may
// fail: there is no bus yet.
func waitBooted(ctx context.Context, m execer, ended <-chan struct{}) error {
	for {
		result, err := m.Exec(ctx, "systemctl", "is-system-running", "--wait")
		state := strings.TrimSpace(result.Stdout)
		if state == "running" || state == "degraded" {
			return nil
		}
		select {
		case <-ended:
			return errors.New("the machine ended while booting")
		case <-ctx.Done():
			return fmt.Errorf("the machine is not up, but %q: %w", state, errors.Join(ctx.Err(), err))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
