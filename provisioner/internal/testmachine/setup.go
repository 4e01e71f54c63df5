//go:build linux

package testmachine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// requirement is a program or file that the machines need, and the Debian package that has it.
type requirement struct {
	pkg  string
	want string // a program's name, or an absolute path
}

var requirements = []requirement{
	{"debian-archive-keyring", "/usr/share/keyrings/debian-archive-keyring.gpg"},
	{"e2fsprogs", "mke2fs"},
	{"gpg", "gpg"}, // mmdebstrap finds out with it which key signs a suite
	{"ipxe-qemu", "/usr/lib/ipxe/qemu/efi-virtio.rom"},
	{"iproute2", "ip"},
	{"iptables", "iptables"},
	{"mmdebstrap", "mmdebstrap"},
	{"openssh-client", "ssh"},
	{"qemu-system-x86", "qemu-system-x86_64"},
	{"qemu-utils", "qemu-img"},
	{"shellcheck", "shellcheck"},
	{"systemd-container", "systemd-nspawn"},
	{"tar", "tar"},
	{"util-linux", "nsenter"},
	{"xorriso", "xorriso"},
}

// MissingPackages lists the Debian packages that must be installed before
// machines can be made and booted.
func MissingPackages() []string {
	var missing []string
	for _, r := range requirements {
		if strings.HasPrefix(r.want, "/") {
			if !present(r.want) {
				missing = append(missing, r.pkg)
			}
			continue
		}
		if _, err := lookPath(r.want); err != nil {
			missing = append(missing, r.pkg)
		}
	}
	return missing
}

// RequireRoot returns an error that explains why machines need root, unless this process has it.
func RequireRoot() error {
	if os.Geteuid() == 0 {
		return nil
	}
	return errors.New("root is needed to make and boot test machines (mounts, network and PID namespaces, a device owner of 0 in the image); run it with sudo, or as root in a throw-away machine")
}

// Setup installs the Debian packages that are missing, and says which. It
// changes nothing when all are there; then it needs no root either.
func Setup(ctx context.Context) error {
	missing := MissingPackages()
	if len(missing) == 0 {
		say("every package that the test machines need is installed")
		return nil
	}
	list := strings.Join(missing, " ")
	if err := RequireRoot(); err != nil {
		return fmt.Errorf("these packages are missing: %s: %w", list, err)
	}
	if _, err := lookPath("apt-get"); err != nil {
		return fmt.Errorf("these Debian packages are missing and there is no apt-get to install them: %s; install what has the same programs, or use Debian or Ubuntu", list)
	}
	defer sayTook("installing with apt-get: %s", list)()
	if err := apt(ctx, "update"); err != nil {
		return err
	}
	return apt(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, missing...)...)
}

// apt runs apt-get so that nothing asks a question and another apt is waited for.
func apt(ctx context.Context, args ...string) error {
	cmd, err := hostCommand(ctx, "apt-get", append([]string{"-qq", "-o", "DPkg::Lock::Timeout=120"}, args...)...)
	if err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	result, err := resultOf(cmd)
	if err == nil {
		err = result.Check()
	}
	if err != nil {
		return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
