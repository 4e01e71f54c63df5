//go:build linux

package testmachine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const cacheName = "packer-plugin-deployhost"

// CacheDir is where everything built or downloaded is kept, as an absolute
// path: $DEPLOYHOST_CACHE, else $XDG_CACHE_HOME/packer-plugin-deployhost,
// else ~/.cache/packer-plugin-deployhost. It makes no directory.
func CacheDir() (string, error) {
	if dir := os.Getenv("DEPLOYHOST_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place for the cache: %w; set DEPLOYHOST_CACHE to a directory on a disk", err)
	}
	return filepath.Join(base, cacheName), nil
}

// cached returns the path of rel in the cache. When it is not there, build
// makes a file or directory at the temporary path that it is given, which is
// then renamed: whatever has its real name is whole. A lock of its own keeps
// two runs from building the same thing.
func cached(ctx context.Context, rel string, build func(ctx context.Context, tmp string) error) (string, error) {
	dir, err := CacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, rel)
	if present(path) {
		return path, nil
	}
	lock, err := lockFile(ctx, filepath.Join(dir, "locks", strings.ReplaceAll(rel, "/", "_")))
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }()
	if present(path) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	// The lock makes a fixed name safe, and with it a killed run's rest is found again.
	tmp := path + ".partial"
	if err := os.RemoveAll(tmp); err != nil {
		return "", err
	}
	if err := build(ctx, tmp); err != nil {
		return "", errors.Join(err, os.RemoveAll(tmp))
	}
	return path, os.Rename(tmp, path)
}

// inputKey names a thing in the cache by what it was made from.
func inputKey(inputs ...string) string {
	sum := sha256.New()
	for _, in := range inputs {
		// The length keeps ("ab","c") and ("a","bc") apart.
		_, _ = fmt.Fprintf(sum, "%d:%s", len(in), in)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

// lockFile waits for an exclusive flock(2) on path. The kernel drops the lock
// with its holder, however that ends. Closing the file gives it back.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	for {
		file, err := tryLockFile(path)
		if !errors.Is(err, errLocked) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another run that holds %s: %w", path, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

var errLocked = errors.New("locked by another process")

// tryLockFile is lockFile without the wait; it returns errLocked instead.
func tryLockFile(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return file, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errLocked
	}
	return nil, errors.Join(err, file.Close())
}

// present says whether path exists, be it a dangling link.
func present(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
