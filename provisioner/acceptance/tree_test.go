//go:build acceptance && linux

package acceptance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// stamp is what the kernel keeps of one file. Whoever touches a file changes
// its ctime, and whoever replaces it changes its inode.
type stamp struct {
	mode         fs.FileMode
	uid, gid     uint32
	inode        uint64
	size         int64
	mtime, ctime syscall.Timespec
	target       string
}

// tree is every file below some directories of a machine, by absolute path.
type tree map[string]stamp

// settled are the directories that only a change of the image changes.
// Elsewhere a running machine is at work itself.
var settled = []string{"/etc", "/home", "/root", "/usr", "/var/lib/dpkg", "/var/lib/systemd/linger"}

// readTree looks at a machine's root directory from outside. A directory that
// is not there has no files.
func readTree(root string, dirs []string) (tree, error) {
	t := tree{}
	for _, dir := range dirs {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			s, err := stampOf(path)
			t[strings.TrimPrefix(path, root)] = s
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

func stampOf(path string) (stamp, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return stamp{}, err
	}
	raw, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, fmt.Errorf("%s: no stat(2) in %T", path, info.Sys())
	}
	s := stamp{
		mode: info.Mode(), uid: raw.Uid, gid: raw.Gid, inode: raw.Ino, size: raw.Size, mtime: raw.Mtim, ctime: raw.Ctim,
	}
	if info.Mode().Type() == fs.ModeSymlink {
		s.target, err = os.Readlink(path)
	}
	return s, err
}

// changes are the paths that are not in after what they are in t, sorted.
func (t tree) changes(after tree) []string {
	var paths []string
	for path, s := range t {
		if other, ok := after[path]; !ok || other != s {
			paths = append(paths, path)
		}
	}
	for path := range after {
		if _, ok := t[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}
