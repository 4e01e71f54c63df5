package deployuser

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Command is a program to run.
type Command struct {
	Args []string
	// Env is the whole environment; nil for the caller's.
	Env []string
	// As is whose rights it runs with; nil for the caller's.
	As *blueprint.User
}

// Runner runs a command to its end, or to ctx's, and returns the first 4 MiB of
// its standard output also when it fails. Its error holds what the command said.
type Runner func(ctx context.Context, cmd Command) (stdout string, err error)

func run(ctx context.Context, command Command) (string, error) {
	cmd := exec.CommandContext(ctx, command.Args[0], command.Args[1:]...)
	cmd.Env = command.Env
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	if command.As != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential(command.As, nil)}
	}
	var stdout, stderr capped
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.kept.String(), fmt.Errorf("%s: %w: %s", strings.Join(command.Args, " "), err, strings.TrimSpace(stderr.kept.String()))
	}
	return stdout.kept.String(), nil
}

// maxOutput is far above what systemctl prints for all units of a host, and
// far below what could hurt a small machine: the user's programs choose what they print.
const maxOutput = 4 << 20

// capped keeps the first maxOutput bytes. It does not embed the buffer, whose
// ReadFrom would go past Write.
type capped struct{ kept bytes.Buffer }

// Write claims to have taken everything, or the program would be stopped by it.
func (c *capped) Write(p []byte) (int, error) {
	keep := p[:min(len(p), maxOutput-c.kept.Len())]
	_, err := c.kept.Write(keep)
	return len(p), err
}

// credential has no supplementary groups but those given: the caller's are dropped.
func credential(u *blueprint.User, groups []int) *syscall.Credential {
	c := &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID)} //nolint:gosec // both come from a validated blueprint
	for _, id := range groups {
		c.Groups = append(c.Groups, uint32(id)) //nolint:gosec // the kernel refuses what is no id
	}
	return c
}
