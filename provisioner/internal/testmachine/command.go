//go:build linux

package testmachine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Result is how a command on a machine ended.
type Result struct {
	Stdout string
	Stderr string
	// Code is the exit status, 128+n when signal n ended the command.
	Code int
}

// Check is nil for exit status 0, else an error that holds what the command said.
func (r Result) Check() error {
	if r.Code == 0 {
		return nil
	}
	return fmt.Errorf("exit status %d: %s", r.Code, lastLines(r.Stderr+r.Stdout, 15))
}

// host runs a program of the machine this runs on, found in the sbin
// directories too. What it complained of is in the error.
func host(ctx context.Context, name string, args ...string) error {
	cmd, err := hostCommand(ctx, name, args...)
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, lastLines(stderr.String(), 15))
	}
	return nil
}

// hostCommand prepares a program whose whole process is killed when ctx ends.
func hostCommand(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	path, err := lookPath(name)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	// A grandchild that keeps the pipe open must not keep us waiting.
	cmd.WaitDelay = 5 * time.Second
	return cmd, nil
}

// lookPath finds a program. A plain shell's PATH may lack the sbin
// directories, where Debian keeps mke2fs, ip and iptables.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil || strings.Contains(name, "/") {
		return path, err
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(dir + "/" + name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed; `go run ./provisioner/testmachine setup` installs what the test machines need", name)
}

// resultOf turns the end of a local process into a Result; an error only when it never ran to an end.
func resultOf(cmd *exec.Cmd) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	result := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		result.Code = exit.ExitCode()
		return result, nil
	}
	return result, err
}

// lastLines keeps the end of a program's output, where the reason stands.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
