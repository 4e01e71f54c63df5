//go:build linux

package testmachine

import (
	"context"
	_ "embed" // customize.sh
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Suites are the Debian releases that base images can be made of, oldest first.
var Suites = []string{"bullseye", "bookworm", "trixie"}

// basePackages resemble a stock cloud image: what the bake needs to add
// (monit, ruby, puma, rbenv) is left out on purpose.
var basePackages = []string{
	"ca-certificates", "cloud-init", "dbus", "dbus-user-session", "e2fsprogs", "ifupdown", "iproute2",
	"isc-dhcp-client", "libpam-systemd", "logrotate", "openssh-server", "procps", "python3",
	"sudo", "systemd", "systemd-sysv", "udev",
}

//go:embed customize.sh
var customizeScript []byte

// BaseTar returns the tar of a base root file system of a Debian release
// (one of Suites), and makes it when it is not in the cache (about 30 s). Its
// build user is packer, uid 1000, with passwordless sudo and BuildKey; nothing
// in it has been booted. It has no kernel, which only a disk needs: see BaseDisk.
func BaseTar(ctx context.Context, suite string) (string, error) {
	recipe, err := baseRecipe(ctx, suite)
	if err != nil {
		return "", err
	}
	return cached(ctx, "base/"+suite+"-"+recipe.key()+".tar", recipe.makeTar)
}

// BaseRoot returns BaseTar unpacked: a directory to be a lower layer. Never write in it.
func BaseRoot(ctx context.Context, suite string) (string, error) {
	recipe, err := baseRecipe(ctx, suite)
	if err != nil {
		return "", err
	}
	return cached(ctx, "base/"+suite+"-"+recipe.key()+".root", func(ctx context.Context, tmp string) error {
		tar, err := BaseTar(ctx, suite)
		if err != nil {
			return err
		}
		return Unpack(ctx, tar, tmp)
	})
}

// Unpack makes dir and extracts a tar into it, owners, capabilities and all. Root is needed.
func Unpack(ctx context.Context, tar, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := host(ctx, "tar", "--extract", "--file", tar, "--directory", dir,
		"--numeric-owner", "--xattrs", "--xattrs-include=*"); err != nil {
		return err
	}
	// Some mmdebstrap versions write "uninitialized", which makes the first
	// boot enable every unit's preset: machine-id(5).
	return os.WriteFile(filepath.Join(dir, "etc/machine-id"), nil, 0o444)
}

// recipe is all that a base image is made from.
type recipe struct {
	suite    string
	packages []string
	sources  []string
	login    *Key
}

func baseRecipe(ctx context.Context, suite string) (*recipe, error) {
	if err := checkSuite(suite); err != nil {
		return nil, err
	}
	if err := RequireRoot(); err != nil {
		return nil, err
	}
	sources, err := machineSources(suite)
	if err != nil {
		return nil, fmt.Errorf("reading this machine's apt sources: %w", err)
	}
	key, err := BuildKey(ctx)
	if err != nil {
		return nil, err
	}
	return &recipe{suite: suite, packages: basePackages, sources: sources, login: key}, nil
}

func checkSuite(suite string) error {
	for _, s := range Suites {
		if s == suite {
			return nil
		}
	}
	return fmt.Errorf("no base image is made of suite %q; use one of %s", suite, strings.Join(Suites, ", "))
}

func (r *recipe) key() string {
	return inputKey(strings.Join(r.packages, ","), strings.Join(r.sources, "\n"), string(customizeScript), r.login.Authorized)
}

// isolated runs a program that handles packages in mount and PID namespaces of
// its own, so that nothing stays mounted or running when it is cut short.
func isolated(ctx context.Context, env []string, argv ...string) error {
	cmd, err := hostCommand(ctx, "unshare", append([]string{"--mount", "--pid", "--fork", "--kill-child", "--mount-proc"}, argv...)...)
	if err != nil {
		return err
	}
	cmd.Env = append(append(os.Environ(), "DEBIAN_FRONTEND=noninteractive"), env...)
	result, err := resultOf(cmd)
	if err != nil {
		return err
	}
	return result.Check()
}

func (r *recipe) makeTar(ctx context.Context, tmp string) error {
	defer sayTook("making the %s base image with mmdebstrap", r.suite)()
	work := tmp + ".work"
	if err := r.writeHooks(work); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	argv := append([]string{"mmdebstrap"}, r.args(filepath.Join(work, "customize.sh"), tmp)...)
	if err := isolated(ctx, []string{"TMPDIR=" + work}, argv...); err != nil {
		return fmt.Errorf("mmdebstrap could not make a %s root file system: %w", r.suite, err)
	}
	return nil
}

// writeHooks makes dir, with the script and what it reads.
func (r *recipe) writeHooks(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "customize.sh"), customizeScript, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "authorized_keys"), []byte(r.login.Authorized), 0o600)
}

func (r *recipe) args(script, target string) []string {
	args := []string{
		"--mode=root", "--variant=apt", "--format=tar",
		"--include=" + strings.Join(r.packages, ","),
		"--customize-hook=" + script,
		r.suite, target,
	}
	return append(args, r.sources...)
}
