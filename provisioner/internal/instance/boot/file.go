package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// fileSource reads values from files below root.
type fileSource struct{ root string }

func (s fileSource) lookup(_ context.Context, from instance.From) (string, error) {
	file, err := openPlainly(s.root, from.Arg)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", from.Arg)
	}
	limit := systemd.MaxEnvValue + len("\n")
	data, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err != nil {
		return "", err
	}
	value := strings.TrimSuffix(string(data), "\n")
	if len(data) > limit {
		return "", fmt.Errorf("%s holds more than the %d bytes of a value", from.Arg, systemd.MaxEnvValue)
	}
	return value, nil
}

// openPlainly opens a file without following any symbolic link. Root reads
// here what the deploy user will be shown, so a link that the user could have
// placed, to /etc/shadow for instance, must lead nowhere. Step by step, since
// RESOLVE_NO_SYMLINKS of openat2(2) needs a newer kernel than systemd 245 does.
func openPlainly(root, name string) (*os.File, error) {
	dir, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	steps := strings.Split(strings.TrimPrefix(path.Clean(name), "/"), "/")
	for i, step := range steps {
		// O_NONBLOCK, so that a pipe without a writer does not hold the boot.
		flags := unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
		if i < len(steps)-1 {
			flags |= unix.O_DIRECTORY
		}
		next, err := unix.Openat(dir, step, flags, 0)
		_ = unix.Close(dir) // only ever read from
		if err != nil {
			return nil, openError("/"+strings.Join(steps[:i+1], "/"), err)
		}
		dir = next
	}
	return os.NewFile(uintptr(dir), name), nil
}

func openError(at string, err error) error {
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%s is a symbolic link or no directory, and the hook follows no link, because the deploy user could "+
			"have made it: name the file's real path", at)
	}
	return &fs.PathError{Op: "open", Path: at, Err: err}
}
