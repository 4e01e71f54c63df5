package tree

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// place is a name in an open directory; no call on it follows a link.
type place struct {
	dir  int
	name string
}

func (p place) stat() (unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstatat(p.dir, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

func kindOf(st unix.Stat_t) blueprint.Kind {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return blueprint.Dir
	case unix.S_IFREG:
		return blueprint.File
	case unix.S_IFLNK:
		return blueprint.Link
	}
	return "device, pipe or socket"
}

func (p place) kind() (blueprint.Kind, error) {
	st, err := p.stat()
	return kindOf(st), err
}

// differs says how the place differs from the entry, or "". An error is
// something in the way that nobody but a person should remove.
func (p place) differs(e blueprint.Entry, owner ID) (string, error) {
	st, err := p.stat()
	if errors.Is(err, unix.ENOENT) {
		return missing, nil
	}
	if err != nil {
		return "", err
	}
	kind := kindOf(st)
	switch {
	case kind == e.Kind:
	case (kind == blueprint.File || kind == blueprint.Link) && e.Kind != blueprint.Dir:
		return fmt.Sprintf("is a %s, should be a %s", kind, e.Kind), nil
	default:
		return "", fmt.Errorf("is a %s where a %s should be: move it away, so that nothing of yours is lost", kind, e.Kind)
	}
	if int(st.Uid) != owner.UID || int(st.Gid) != owner.GID {
		return fmt.Sprintf("owner %d:%d, should be %d:%d", st.Uid, st.Gid, owner.UID, owner.GID), nil
	}
	if mode := blueprint.Mode(st.Mode & 0o7777); e.Kind != blueprint.Link && mode != e.Mode {
		return fmt.Sprintf("mode %s, should be %s", mode, e.Mode), nil
	}
	return p.contentDiffers(e, st.Size)
}

func (p place) contentDiffers(e blueprint.Entry, size int64) (string, error) {
	const differs = "content differs"
	switch e.Kind {
	case blueprint.Link:
		target, err := readlink(p.dir, p.name)
		if err != nil || target == e.Target {
			return "", err
		}
		return fmt.Sprintf("links to %s, should link to %s", target, e.Target), nil
	case blueprint.File:
		if size != int64(len(e.Content)) {
			return differs, nil
		}
		have, err := p.read(size)
		if err != nil || have == e.Content {
			return "", err
		}
		return differs, nil
	}
	return "", nil
}

// read gives at most size+1 bytes. O_NONBLOCK: it may have become a pipe since stat.
func (p place) read(size int64) (string, error) {
	fd, err := unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	file := os.NewFile(uintptr(fd), p.name)
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, size+1))
	return string(data), err
}

func readlink(dir int, name string) (string, error) {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, target)
	if err != nil {
		return "", err
	}
	return string(target[:n]), nil
}
