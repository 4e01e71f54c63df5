package tree

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// tempName is one fixed name in each directory: only one apply runs at a time,
// and the next write there clears up after one that was killed. The dot keeps
// it out of every `conf.d/*`.
const tempName = ".deployhost-new"

func (p place) write(e blueprint.Entry, owner ID) error {
	switch e.Kind {
	case blueprint.Dir:
		if err := unix.Mkdirat(p.dir, p.name, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		return p.fixDir(uint32(e.Mode), owner)
	case blueprint.Link:
		return p.replace(func(temp place) error { return temp.link(e.Target, owner) })
	case blueprint.File:
		return p.replace(func(temp place) error {
			return temp.create([]byte(e.Content), uint32(e.Mode), owner)
		})
	}
	return fmt.Errorf("kind %q", e.Kind)
}

// fixDir sets a directory's owner and mode. O_NOFOLLOW: it must still be the
// directory that was seen.
func (p place) fixDir(mode uint32, owner ID) error {
	fd, err := unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// Owner first: a change of owner clears mode bits.
	if err := unix.Fchown(fd, owner.UID, owner.GID); err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	return unix.Fchmod(fd, mode)
}

// replace makes something beside the place and renames it there, so that a
// reader sees the old thing or the new one, whole.
func (p place) replace(fill func(temp place) error) error {
	temp := place{dir: p.dir, name: tempName}
	if err := temp.unlink(); err != nil {
		return fmt.Errorf("remove what an earlier run left as %s: %w", tempName, err)
	}
	err := fill(temp)
	if err == nil {
		err = unix.Renameat(temp.dir, temp.name, p.dir, p.name)
	}
	if err != nil {
		_ = temp.unlink()
	}
	return err
}

func (p place) link(target string, owner ID) error {
	if err := unix.Symlinkat(target, p.dir, p.name); err != nil {
		return err
	}
	return unix.Fchownat(p.dir, p.name, owner.UID, owner.GID, unix.AT_SYMLINK_NOFOLLOW)
}

func (p place) unlink() error {
	if err := unix.Unlinkat(p.dir, p.name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

// create writes a new file. A mode given to open(2) passes through the umask: fchmod sets it.
func (p place) create(content []byte, mode uint32, owner ID) error {
	fd, err := unix.Openat(p.dir, p.name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), p.name)
	defer file.Close()
	if _, err := file.Write(content); err != nil {
		return err
	}
	if err := unix.Fchown(fd, owner.UID, owner.GID); err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	if err := unix.Fchmod(fd, mode); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}
