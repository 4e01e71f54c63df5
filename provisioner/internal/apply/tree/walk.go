package tree

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// openDir opens an absolute directory for the *at calls, one component after
// the other from Root. With create, missing ones are made with mode 0755 and
// recorded; otherwise they are ENOENT.
func (t *Tree) openDir(dir string, create bool, r *Result) (int, error) {
	fd, err := unix.Open(t.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", t.Root, err)
	}
	walked := "/"
	for name := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		if name == "" {
			continue
		}
		walked = path.Join(walked, name)
		next, err := t.step(fd, name)
		if errors.Is(err, unix.ENOENT) && create {
			if err = t.makeParent(fd, name); err == nil {
				r.add(walked, missing)
				next, err = t.step(fd, name)
			}
		}
		_ = unix.Close(fd)
		if err != nil {
			return -1, fmt.Errorf("parent %s: %w", walked, err)
		}
		fd = next
	}
	return fd, nil
}

// step opens one component. O_PATH needs no right to list it.
func (t *Tree) step(dir int, name string) (int, error) {
	flags := unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
	if t.Guarded {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Openat(dir, name, flags, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return -1, notADirectory(dir, name)
	}
	if err != nil || !t.Guarded {
		return fd, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	if int(st.Uid) != t.Self.UID {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("belongs to uid %d, who could replace what root writes below it: give it to root (chown root), or choose another place", st.Uid)
	}
	return fd, nil
}

func notADirectory(dir int, name string) error {
	target, err := readlink(dir, name)
	if err != nil {
		return errors.New("is no directory, so nothing can lie below it: remove it, or choose another place")
	}
	return fmt.Errorf("is a symbolic link to %s, which root does not follow when it writes, because a link can be moved to lead root elsewhere: "+
		"write the real directory in the configuration, or make this one", target)
}

func (t *Tree) makeParent(dir int, name string) error {
	if err := unix.Mkdirat(dir, name, 0o755); err != nil {
		return err
	}
	return place{dir: dir, name: name}.fixDir(0o755, t.Self)
}

// syncDir makes renames in a directory last through a crash.
func (t *Tree) syncDir(dir string) error {
	var unused Result
	at, err := t.openDir(dir, false, &unused)
	if errors.Is(err, unix.ENOENT) { // removed with its content
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(at)
	fd, err := unix.Openat(at, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) { // a directory that its owner can write but not list
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fsync(fd)
}
