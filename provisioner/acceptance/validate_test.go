//go:build acceptance && linux

package acceptance

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// validate runs `packer validate` and tells what it said.
func validate(t *testing.T, plugins, template string, vars variables, flags ...string) (string, error) {
	t.Helper()
	work := t.TempDir()
	cmd := packerCommand(shared.ctx, work, "validate", template, vars, flags...)
	cmd.Env = packerEnv(plugins, work)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestExamplesAreValid with the builders that they name.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plugins := filepath.Join(dir, "plugins")
	ours, err := filepath.Glob(filepath.Join(shared.plugins, ourSource, "packer-plugin-deployhost_*_"+runtime.GOARCH))
	if err != nil || len(ours) != 1 {
		t.Fatalf("our plugin is installed as %q (%v)", ours, err)
	}
	binaries := map[string]string{ourSource: ours[0]}
	for _, builder := range []string{"qemu", "amazon"} {
		if binaries["github.com/hashicorp/"+builder], err = testmachine.BuildTool(shared.ctx, "packer-plugin-"+builder); err != nil {
			t.Fatal(err)
		}
	}
	for source, binary := range binaries {
		if err := install(shared.ctx, plugins, source, binary); err != nil {
			t.Fatal(err)
		}
	}
	local := variables{
		"base_image": "base.qcow2", "kernel": "vmlinuz", "initrd": "initrd.img", "kernel_command_line": "root=/dev/vda",
		"ssh_private_key_file": shared.key.PrivatePath, "deploy_public_key": strings.TrimSpace(shared.key.Authorized),
	}
	for name, vars := range map[string]variables{"local": local, "qemu": nil, "amazon-ebs": nil} {
		if said, err := validate(t, plugins, filepath.Join(repository, "example", name), vars); err != nil {
			t.Errorf("example/%s: %v\n%s", name, err, said)
		}
	}
}

// TestUnknownValuesAreNoMistakes is about data sources, which validate does
// not ask unless it is told to, and about the build's own values.
func TestUnknownValuesAreNoMistakes(t *testing.T) {
	t.Parallel()
	vars := variables{"deploy_public_key": strings.TrimSpace(shared.key.Authorized)}
	for _, flags := range [][]string{nil, {"-evaluate-datasources"}} {
		if said, err := validate(t, shared.plugins, "testdata/templates/unknown", vars, flags...); err != nil {
			t.Errorf("validate %q: %v\n%s", flags, err, said)
		}
	}
}

// TestMistakesAreToldAtOnce wants every mistake of a template, with its field.
func TestMistakesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	said, err := validate(t, shared.plugins, "testdata/templates/mistakes", nil)
	if err == nil {
		t.Fatal("the template is valid")
	}
	for _, field := range []string{
		"user.groups", "user.authorized_keys", "user.authorized_keys_files",
		"app[0].name", "app[0].deploy_to", "app[0].puma.port",
		"app[1].env", "instance.value[0]", "instance.value[1]",
	} {
		if !strings.Contains(said, field) {
			t.Errorf("%s is not in what people read:\n%s", field, said)
		}
	}
}
