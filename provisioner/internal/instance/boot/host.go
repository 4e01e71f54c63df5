// Package boot is the first-boot hook at work on an instance, at every boot:
// it asks the sources, decides in memory, and only then writes, all of it below /run.
package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

// Host is the machine that the hook works on.
type Host struct {
	// Users also holds the root directory and runs programs.
	Users deployuser.Host
	// Machine answers for the machine itself.
	Machine Machine
	// RunProgram runs a program of the image for what it prints.
	RunProgram func(ctx context.Context, program deployuser.Program) (string, error)
	// RootUID owns what the hook trusts: 0, except in tests.
	RootUID int
	// Dial opens connections to metadata services.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Chown gives a path within a directory to root and a group.
	Chown func(dir *os.Root, name string, gid int) error
	Now   func() time.Time
	// Log takes one line for each thing done; names and lengths, never values.
	Log io.Writer
}

// Here is the machine that this process runs on, logging to log.
func Here(log io.Writer) Host {
	return Host{
		Users:      deployuser.Here(),
		Machine:    thisMachine(),
		RunProgram: func(ctx context.Context, p deployuser.Program) (string, error) { return p.Output(ctx) },
		Dial:       (&net.Dialer{}).DialContext,
		Chown:      func(dir *os.Root, name string, gid int) error { return dir.Lchown(name, 0, gid) },
		Now:        time.Now,
		Log:        log,
	}
}

func (h Host) logf(format string, args ...any) {
	// A log that cannot be written must not keep an instance from starting.
	_, _ = fmt.Fprintf(h.Log, format+"\n", args...)
}

func (h Host) rules() (*instance.Rules, error) {
	data, err := os.ReadFile(h.Users.Path(blueprint.InstanceRulesPath))
	if err != nil {
		return nil, fmt.Errorf("instance rules: %w; bake the image anew", err)
	}
	rules, err := instance.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; bake the image anew", blueprint.InstanceRulesPath, err)
	}
	return rules, nil
}

// ReadVerdict gives the hook's latest verdict of this boot, below root; nil
// when there is none. A file that cannot be read as one is an error.
func ReadVerdict(root string) (*instance.Verdict, error) {
	data, err := os.ReadFile(deployuser.Host{Root: root}.Path(blueprint.VerdictPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no verdict yet is an ordinary answer
	}
	if err != nil {
		return nil, fmt.Errorf("the hook's verdict: %w", err)
	}
	var v instance.Verdict
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, fmt.Errorf("the hook's verdict %s: %w", blueprint.VerdictPath, err)
	}
	return &v, nil
}
