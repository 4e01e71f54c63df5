//go:build acceptance && linux

package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	ourSource = "github.com/deployhost/deployhost"
	// repository is the checkout, as seen from here.
	repository = "../.."
)

// installOurs builds the plugin from this checkout, so that what is tested is
// what the tree says, and installs it for this run's Packer alone.
func installOurs(ctx context.Context, dir string) error {
	binary := filepath.Join(dir, "packer-plugin-deployhost")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", binary, ".")
	build.Dir = repository
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the plugin: %w: %s", err, out)
	}
	return install(ctx, shared.plugins, ourSource, binary)
}

// install makes a plugin's binary one that Packer finds in plugins.
func install(ctx context.Context, plugins, source, binary string) error {
	cmd := exec.CommandContext(ctx, shared.packer, "plugins", "install", "--path", binary, source)
	cmd.Env = packerEnv(plugins, filepath.Dir(plugins))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("installing %s: %w: %s", source, err, out)
	}
	return nil
}

// packerEnv keeps a Packer apart from the one of whoever runs the tests, and
// from calling home. Its log goes to work/packer.log.
func packerEnv(plugins, work string) []string {
	return append(os.Environ(),
		"CHECKPOINT_DISABLE=1",
		"PACKER_CONFIG_DIR="+work, "PACKER_CACHE_DIR="+filepath.Join(work, "cache"),
		"PACKER_PLUGIN_PATH="+plugins,
		"PACKER_LOG=1", "PACKER_LOG_PATH="+filepath.Join(work, "packer.log"),
	)
}

// packerRun is one `packer build` that has ended.
type packerRun struct {
	// Said is what people saw.
	Said string
	// Err is nil when the build succeeded.
	Err error
	// Sessions counts the ssh sessions that the provisioner opened.
	Sessions int
}

// variables are those of a template.
type variables map[string]string

// packerCommand prepares a Packer verb on a template's directory, relative to
// this one.
func packerCommand(ctx context.Context, work, verb, template string, vars variables, flags ...string) *exec.Cmd {
	args := append([]string{verb}, flags...)
	for name, value := range vars {
		args = append(args, "-var", name+"="+value)
	}
	cmd := exec.CommandContext(ctx, shared.packer, append(args, template)...)
	cmd.Env = packerEnv(shared.plugins, work)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return interrupt(cmd) }
	cmd.WaitDelay = 30 * time.Second // Packer's, to end its plugins
	return cmd
}

// interrupt does what Ctrl-C at a terminal does, which signals the whole
// process group. The process that was started only wraps Packer's own one and
// passes no interrupt on (mitchellh/panicwrap).
func interrupt(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }

// bakeVars are those that every template here has: where and how to log in.
func bakeVars(address string) variables {
	return variables{
		"host": address, "private_key_file": shared.key.PrivatePath,
		"deploy_public_key": strings.TrimSpace(shared.key.Authorized),
	}
}

// packerBuild runs `packer build` with the null builder over ssh against the
// machine at address.
func packerBuild(ctx context.Context, template, address string, more variables) (packerRun, error) {
	work, err := os.MkdirTemp("", "deployhost-packer-")
	if err != nil {
		return packerRun{}, err
	}
	defer os.RemoveAll(work)
	vars := bakeVars(address)
	for name, value := range more {
		vars[name] = value
	}
	cmd := packerCommand(ctx, work, "build", template, vars, "-color=false")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	r := packerRun{Err: cmd.Run()}
	r.Said = said.String()
	log, err := os.ReadFile(filepath.Join(work, "packer.log"))
	if err != nil {
		return r, err
	}
	r.Sessions = testmachine.SSHSessions(string(log))
	return r, ctx.Err()
}

// mustBuild is packerBuild for a build that has to succeed.
func mustBuild(t *testing.T, template, address string, more variables) packerRun {
	t.Helper()
	r, err := packerBuild(shared.ctx, template, address, more)
	if err != nil {
		t.Fatal(err)
	}
	if r.Err != nil {
		t.Fatalf("packer build %s: %v\n%s", template, r.Err, r.Said)
	}
	return r
}
