// Package rubycache keeps compiled Rubies on the build machine, each under the
// key that everything it depends on gives. Any number of builds may use one
// directory at once: a file gets its name when it is whole, and never changes.
package rubycache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// Cache is one directory. The zero value keeps nothing and has nothing.
type Cache struct {
	// Dir is made when something is kept.
	Dir string
	// Refresh has nothing to offer, so that everything is built anew and kept.
	Refresh bool
}

// DefaultDir is in the user's cache directory ($XDG_CACHE_HOME, or ~/.cache).
func DefaultDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: set cache_dir to a directory of this machine, or cache = \"off\"", err)
	}
	return filepath.Join(dir, "packer-plugin-deployhost", "ruby"), nil
}

// On tells whether there is a cache at all.
func (c Cache) On() bool { return c.Dir != "" }

const suffix = ".rubypack"

func (c Cache) path(version, key string) string {
	return filepath.Join(c.Dir, "ruby-"+version+"-"+key+suffix)
}

// Found is what the cache has of some versions.
type Found struct {
	Offers []rubypack.Offer
	// Refused are files that are not used, each with the reason and what to do.
	Refused []string
	paths   map[string]string
}

// Path is the file of an offered key.
func (f Found) Path(key string) (string, error) {
	path, ok := f.paths[key]
	if !ok {
		return "", fmt.Errorf("the host asks for the Ruby %s, which was not offered", key)
	}
	return path, nil
}

// Find reads every Ruby of these versions for an architecture to its end.
func (c Cache) Find(versions []string, arch string) (Found, error) {
	found := Found{paths: map[string]string{}}
	if !c.On() || c.Refresh {
		return found, nil
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found, fmt.Errorf("ruby.cache_dir: %w", err)
	}
	for _, e := range entries {
		for _, version := range versions {
			key, ok := strings.CutPrefix(e.Name(), "ruby-"+version+"-")
			if key, isPack := strings.CutSuffix(key, suffix); ok && isPack && len(key) == 64 {
				c.look(&found, c.path(version, key), key, arch)
			}
		}
	}
	return found, nil
}

func (c Cache) look(found *Found, path, key, arch string) {
	refuse := func(err error) {
		found.Refused = append(found.Refused, fmt.Sprintf("%s is not used, and its Ruby is compiled anew where it is needed: %v", path, err))
	}
	if err := ours(path); err != nil {
		refuse(err)
		return
	}
	pack, err := rubypack.Open(path)
	if err != nil {
		refuse(err)
		return
	}
	defer pack.Close()
	switch {
	case pack.Inputs.Key() != key:
		refuse(errors.New("it holds another Ruby than its name says, so somebody has renamed it"))
	case pack.Inputs.Arch == arch:
		found.Offers = append(found.Offers, rubypack.Offer{Key: key, SHA256: pack.SHA256, Size: pack.Size})
		found.paths[key] = path
	}
}

// ours refuses what others could have written: it would run as root in every
// image, and a checksum beside the content says nothing about who wrote both.
func ours(path string) error {
	for _, p := range []string{filepath.Dir(path), path} {
		info, err := os.Lstat(p)
		if err != nil {
			return err
		}
		uid, mine := owner(info)
		switch {
		case p == path && !info.Mode().IsRegular():
			return errors.New("it is no file")
		case !mine:
			return fmt.Errorf("%s belongs to uid %d: remove it, or set cache_dir to a directory of your own", p, uid)
		case info.Mode()&writableByOthers != 0 && info.Mode()&fs.ModeSticky == 0:
			return fmt.Errorf("others may write to %s (mode %v): run chmod go-w on it if you know who wrote it, or remove it", p, info.Mode().Perm())
		}
	}
	return nil
}

// Incoming is a Ruby on its way from the host.
type Incoming struct {
	cache     Cache
	file      *os.File
	key       string
	size, got int64
}

// maxBytes is some twenty times what a Ruby with gems takes: a host that says
// more must not fill this machine's disk.
const maxBytes = 1 << 30

// Receive begins to keep a Ruby of size bytes.
func (c Cache) Receive(key string, size int64) (*Incoming, error) {
	if size > maxBytes {
		return nil, fmt.Errorf("the host wants to send %d bytes, which is no Ruby", size)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(c.Dir, ".incoming-*")
	if err != nil {
		return nil, err
	}
	return &Incoming{cache: c, file: file, key: key, size: size}, nil
}

// Key is what the host calls it.
func (i *Incoming) Key() string { return i.key }

// Write adds the next piece, and tells whether that was the last one.
func (i *Incoming) Write(piece []byte) (complete bool, err error) {
	n, err := i.file.Write(piece)
	i.got += int64(n)
	return i.got >= i.size, err
}

// Keep gives a complete Ruby its name, if it is what the host called it.
func (i *Incoming) Keep() (kept Kept, err error) {
	defer func() { err = errors.Join(err, i.Drop()) }()
	if err := i.file.Sync(); err != nil {
		return kept, err
	}
	pack, err := rubypack.Open(i.file.Name())
	if err != nil {
		return kept, err
	}
	defer pack.Close()
	if have := pack.Inputs.Key(); have != i.key {
		return kept, fmt.Errorf("what came from the host has the key %s, not %s", have, i.key)
	}
	// What the host says of itself must not lead out of the directory.
	if version := pack.Inputs.Version; filepath.Base(version) != version {
		return kept, fmt.Errorf("the host calls it %q, which is no version", version)
	}
	kept = Kept{Path: i.cache.path(pack.Inputs.Version, i.key), Bytes: pack.Size}
	return kept, os.Rename(i.file.Name(), kept.Path)
}

// Kept is a Ruby that is in the cache now.
type Kept struct {
	Path  string
	Bytes int64
}

// Drop forgets what has come so far. It may follow Keep.
func (i *Incoming) Drop() error {
	_ = i.file.Close() // closed twice after Keep, and written out before
	if err := os.Remove(i.file.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
