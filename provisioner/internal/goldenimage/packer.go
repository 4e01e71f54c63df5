//go:build linux

package goldenimage

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// logName is Packer's log within the run's own directory.
const logName = "packer.log"

// bake runs `packer build` on example/local.
func (j *Job) bake(ctx context.Context) error {
	packer, err := testmachine.BuildTool(ctx, "packer")
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "deployhost-bake-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := j.installPlugins(ctx, packer, work); err != nil {
		return err
	}
	if err := os.RemoveAll(j.Output); err != nil { // Packer refuses a directory that exists
		return err
	}
	start := time.Now()
	provision, err := j.build(ctx, packer, work)
	if err != nil {
		return err
	}
	log, err := os.ReadFile(filepath.Join(work, logName))
	if err != nil {
		return err
	}
	sessions := testmachine.SSHSessions(string(log))
	j.report.step("packer build, QEMU builder", time.Since(start))
	j.report.step("of that, the deployhost provisioner", provision)
	j.report.figure("bake.packer_build_s", time.Since(start).Seconds(), "s")
	j.report.figure("bake.provision_s", provision.Seconds(), "s")
	j.report.figure("bake.ssh_sessions", float64(sessions), "count")
	j.report.check("the provisioner needed three SSH sessions", sessions == 3, fmt.Sprint(sessions))
	if sessions != 3 {
		return fmt.Errorf("the provisioner opened %d SSH sessions, not 3", sessions)
	}
	_, err = os.Stat(j.golden())
	return err
}

func (j *Job) golden() string { return filepath.Join(j.Output, "golden.qcow2") }

func (j *Job) installPlugins(ctx context.Context, packer, work string) error {
	ours, err := j.plugin()
	if err != nil {
		return err
	}
	qemu, err := testmachine.BuildTool(ctx, "packer-plugin-qemu")
	if err != nil {
		return err
	}
	for source, binary := range map[string]string{
		"github.com/deployhost/deployhost": ours,
		"github.com/hashicorp/qemu":        qemu,
	} {
		cmd := j.packer(ctx, packer, work, "plugins", "install", "--path", binary, source)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("installing %s: %w: %s", source, err, out)
		}
	}
	return nil
}

// packer prepares a command with plugins of its own and no calls home.
func (j *Job) packer(ctx context.Context, packer, work string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, packer, args...)
	cmd.Env = append(os.Environ(),
		"CHECKPOINT_DISABLE=1",
		"PACKER_PLUGIN_PATH="+filepath.Join(work, "plugins"),
		"PACKER_LOG=1",
		"PACKER_LOG_PATH="+filepath.Join(work, logName),
	)
	// The program is a wrapper that passes no signal on: the whole group gets
	// it, as from a terminal, and then time to shut the machine down.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = time.Minute
	return cmd
}

// build tells how long the provisioner took.
func (j *Job) build(ctx context.Context, packer, work string) (time.Duration, error) {
	cmd := j.packer(ctx, packer, work, "build", "-color=false",
		"-var", "base_image="+j.disk.Image,
		"-var", "kernel="+j.disk.Kernel,
		"-var", "initrd="+j.disk.Initrd,
		"-var", "kernel_command_line="+testmachine.KernelCommandLine,
		"-var", "ssh_private_key_file="+j.key.PrivatePath,
		"-var", "deploy_public_key="+strings.TrimSpace(j.key.Authorized),
		"-var", "accelerator="+map[bool]string{true: "kvm", false: "tcg"}[j.kvm],
		"-var", "output_directory="+j.Output,
		filepath.Join(j.Repository, "example", "local"))
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	provision := make(chan time.Duration, 1)
	go func() { provision <- j.follow(out) }()
	err := cmd.Run()
	_ = in.Close() // a pipe's writer never fails to close
	took := <-provision
	if err != nil {
		return 0, fmt.Errorf("packer build: %w", err)
	}
	return took, nil
}

// follow shows Packer's output and times the provisioner in it.
func (j *Job) follow(out io.Reader) time.Duration {
	var begin time.Time
	var took time.Duration
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(j.Log, lines.Text())
		switch {
		case strings.Contains(lines.Text(), testmachine.BakeBegins):
			begin = time.Now()
		case strings.Contains(lines.Text(), testmachine.BakeEnds):
			took = time.Since(begin)
		}
	}
	return took
}
