//go:build linux

package testmachine

import (
	"context"
	_ "embed" // kernel.sh
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

//go:embed kernel.sh
var kernelScript string

// kernelPackage is the kernel of Debian's own cloud images.
const kernelPackage = "linux-image-cloud-" + runtime.GOARCH

// diskSize is the base image's virtual size; the file is sparse.
const diskSize = "4G"

// diskFiles are what a base root file system lacks for being on a disk.
var diskFiles = map[string]string{
	"/etc/fstab":                     "/dev/vda / ext4 errors=remount-ro 0 1\n",
	"/etc/network/interfaces.d/eth0": "auto eth0\niface eth0 inet dhcp\n",
}

// Disk is what a virtual machine boots: the image, and the kernel that QEMU
// is given directly, so that the image needs no boot loader.
type Disk struct {
	// Image is a qcow2 with one bare ext4.
	Image string
	// Kernel and Initrd are the distribution's own.
	Kernel string
	Initrd string
}

// KernelCommandLine is what the kernel must be told; net.ifnames=0 makes the interface eth0.
const KernelCommandLine = "root=/dev/vda rw console=ttyS0 net.ifnames=0"

// BaseDisk returns BaseTar with a kernel as a disk of 4 GiB, and makes it when
// it is not in the cache (about 20 s more). Treat it as read-only.
func BaseDisk(ctx context.Context, suite string) (*Disk, error) {
	recipe, err := baseRecipe(ctx, suite)
	if err != nil {
		return nil, err
	}
	key := inputKey(recipe.key(), kernelPackage, kernelScript, diskSize, fmt.Sprint(diskFiles))
	dir, err := cached(ctx, "base/"+suite+"-"+key+".disk", func(ctx context.Context, tmp string) error {
		base, err := BaseRoot(ctx, suite)
		if err != nil {
			return err
		}
		_, err = MakeDisk(ctx, suite, []string{base}, tmp)
		return err
	})
	return diskIn(dir), err
}

func diskIn(dir string) *Disk {
	return &Disk{
		Image:  filepath.Join(dir, "disk.qcow2"),
		Kernel: filepath.Join(dir, "vmlinuz"),
		Initrd: filepath.Join(dir, "initrd.img"),
	}
}

// MakeDisk makes a disk of a container's layers, as Commit returned them, with
// a kernel, in the directory dir, which must not exist.
func MakeDisk(ctx context.Context, name string, lower []string, dir string) (disk *Disk, err error) {
	defer sayTook("making the %s disk image", name)()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := MountRoot(ctx, RootOptions{Name: "disk of " + name, Lower: lower, Files: diskFiles})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := isolated(ctx, []string{"LC_ALL=C"}, "sh", "-c", kernelScript, "kernel.sh", root.RootDir(), kernelPackage); err != nil {
		return nil, fmt.Errorf("%s could not be installed for the %s disk: %w", kernelPackage, name, err)
	}
	for pattern, file := range map[string]string{"vmlinuz-*": "vmlinuz", "initrd.img-*": "initrd.img"} {
		if err := copyOnly(ctx, filepath.Join(root.RootDir(), "boot", pattern), filepath.Join(dir, file)); err != nil {
			return nil, err
		}
	}
	raw := filepath.Join(dir, "disk.raw")
	if err := host(ctx, "mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", root.RootDir(), raw, diskSize); err != nil {
		return nil, err
	}
	if err := host(ctx, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, diskIn(dir).Image); err != nil {
		return nil, err
	}
	return diskIn(dir), os.Remove(raw)
}

// copyOnly copies the one file that pattern must match.
func copyOnly(ctx context.Context, pattern, to string) error {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	if len(matches) != 1 {
		return fmt.Errorf("expected one file like %s, found %d", pattern, len(matches))
	}
	return host(ctx, "cp", matches[0], to)
}
