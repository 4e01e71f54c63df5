//go:build acceptance && linux

package acceptance

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/packer-plugin-sdk/chroot"
	packersdk "github.com/hashicorp/packer-plugin-sdk/packer"
	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/deployhost"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// smallest is a configuration that any machine could take.
const smallest = `
ruby {
  method  = "system"
  version = "3.1"
}
app {
  name = "shop"
  puma {}
}
`

// chrootRoot is a root directory that nothing has booted, mounted the way that
// Packer's amazon-chroot builder does it.
type chrootRoot struct {
	t   *testing.T
	dir string
}

// mountRoot makes one. Its mounts lie below what testmachine sweeps.
func mountRoot(t *testing.T, name string, lower []string) chrootRoot {
	t.Helper()
	root, err := testmachine.MountRoot(shared.ctx, testmachine.RootOptions{Name: name, Lower: lower})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	r := chrootRoot{t: t, dir: root.RootDir()}
	r.mountKernelFiles()
	return r
}

func (r chrootRoot) mountKernelFiles() {
	r.t.Helper()
	if err := errors.Join(
		unix.Mount("proc", r.path("/proc"), "proc", 0, ""),
		unix.Mount("sysfs", r.path("/sys"), "sysfs", 0, ""),
		unix.Mount("/dev", r.path("/dev"), "", unix.MS_BIND, ""),
	); err != nil {
		r.t.Fatal(err)
	}
}

// path is an absolute path of the root's as this machine has it.
func (r chrootRoot) path(path string) string { return filepath.Join(r.dir, path) }

// run runs a program in the root, which must succeed.
func (r chrootRoot) run(argv ...string) string {
	r.t.Helper()
	out, err := exec.CommandContext(shared.ctx, "chroot", append([]string{r.dir}, argv...)...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v: %s", strings.Join(argv, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// program puts a shell script where another program would be.
func (r chrootRoot) program(path, script string) {
	r.t.Helper()
	if err := os.WriteFile(r.path(path), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// provision runs the provisioner in this process, through the SDK's chroot
// communicator. run is Packer's id of the build.
func (r chrootRoot) provision(config, run string) (said string, err error) {
	r.t.Helper()
	comm := &chroot.Communicator{Chroot: r.dir, CmdWrapper: func(command string) (string, error) { return command, nil }}
	return provision(r.t, config, comm, map[string]any{"PackerRunUUID": run})
}

// provision prepares and runs the provisioner as Packer does, with the body of
// its block and what Packer tells it of the build.
func provision(t *testing.T, config string, comm packersdk.Communicator, generated map[string]any) (said string, err error) {
	t.Helper()
	file, diags := hclparse.NewParser().ParseHCL([]byte(config), "config.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	p := &deployhost.Provisioner{}
	value, diags := hcldec.Decode(file.Body, p.ConfigSpec(), nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if err := p.Prepare(value); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	ui := &packersdk.BasicUi{Reader: strings.NewReader(""), Writer: &out, ErrorWriter: &out, PB: &packersdk.NoopProgressTracker{}}
	err = p.Provision(shared.ctx, ui, comm, generated)
	return out.String(), err
}
