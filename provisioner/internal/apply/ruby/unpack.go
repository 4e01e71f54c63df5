package ruby

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	// maxBytes and maxFiles are about ten times what a Ruby with its gems takes:
	// an archive that holds more is no Ruby, and would fill the image.
	maxBytes = 4 << 30
	maxFiles = 500_000
)

// unpacker writes an archive's files at once and its links at the end: while
// files are written there is no link that could lead a later one elsewhere.
type unpacker struct {
	root     *os.Root
	hard     map[string]string
	symbolic map[string]string
	bytes    int64
	files    int
}

// Unpack unpacks a tar.gz into the existing, empty dir. It gives the directory
// below it that holds bin/ruby ("." or one name), and the SHA-256 of all that was read.
func Unpack(archive io.Reader, dir string) (top, sum string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", "", err
	}
	defer root.Close()

	hash := sha256.New()
	source := io.TeeReader(archive, hash)
	compressed, err := gzip.NewReader(source)
	if err != nil {
		return "", "", fmt.Errorf("no gzip file: %w", err)
	}
	u := unpacker{root: root, hard: map[string]string{}, symbolic: map[string]string{}}
	if err := u.all(tar.NewReader(compressed)); err != nil {
		return "", "", err
	}
	// What follows the last entry belongs to the checksum, too.
	if _, err := io.Copy(io.Discard, source); err != nil {
		return "", "", err
	}
	if top, err = u.finish(); err != nil {
		return "", "", err
	}
	return top, hex.EncodeToString(hash.Sum(nil)), nil
}

func (u *unpacker) all(archive *tar.Reader) error {
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := localName(header.Name)
		if err != nil {
			return err
		}
		u.files++
		u.bytes += header.Size
		if u.files > maxFiles || u.bytes > maxBytes {
			return fmt.Errorf("holds more than %d files or %d bytes, so it is no Ruby", maxFiles, int64(maxBytes))
		}
		if err := u.one(header, name, archive); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

func (u *unpacker) one(header *tar.Header, name string, content io.Reader) error {
	switch header.Typeflag {
	case tar.TypeDir:
		return u.root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		return u.file(header, name, content)
	case tar.TypeSymlink:
		u.symbolic[name] = header.Linkname
		return nil
	case tar.TypeLink:
		target, err := localName(header.Linkname)
		u.hard[name] = target
		return err
	case tar.TypeXGlobalHeader:
		return nil
	}
	return fmt.Errorf("is of tar type %q: a Ruby holds directories, files and links only", header.Typeflag)
}

// file drops setuid, setgid and others' right to write; the owner is whoever unpacks.
func (u *unpacker) file(header *tar.Header, name string, content io.Reader) error {
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if header.Mode&0o100 != 0 {
		mode = 0o755
	}
	if err := u.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(file, content); err != nil {
		return err
	}
	return file.Close()
}

// finish makes the links and finds bin/ruby.
func (u *unpacker) finish() (string, error) {
	for name, target := range u.hard {
		if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return "", err
		}
		if err := u.root.Link(target, name); err != nil {
			return "", err
		}
	}
	top, err := u.top()
	if err != nil {
		return "", err
	}
	for name, target := range u.symbolic {
		if !u.staysInside(strings.TrimPrefix(name, top+"/"), name, target) {
			return "", fmt.Errorf("%s links to %s, outside of the Ruby or on a detour: pack the archive without such links", name, target)
		}
		if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return "", err
		}
		if err := u.root.Symlink(target, name); err != nil {
			return "", err
		}
	}
	return top, nil
}

// staysInside tells whether a link, at a path within the Ruby, leads to another
// such path. Reading paths as text is only right while no ".." follows a name
// and no link lies below another: either could be a link itself.
func (u *unpacker) staysInside(inside, name, target string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := u.symbolic[dir]; ok {
			return false
		}
	}
	return !path.IsAbs(target) &&
		path.Clean(target) == strings.TrimSuffix(target, "/") &&
		filepath.IsLocal(path.Join(path.Dir(inside), target))
}

// top is where bin/ruby is: at the top, or one directory down. It may be a link.
func (u *unpacker) top() (string, error) {
	if u.has("bin/ruby") {
		return ".", nil
	}
	entries, err := fs.ReadDir(u.root.FS(), ".")
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.IsDir() && u.has(e.Name()+"/bin/ruby") {
			return e.Name(), nil
		}
	}
	return "", errors.New("holds no bin/ruby, neither at its top nor one directory down: pack a Ruby's prefix directory, for example `tar -C /usr/local/rbenv/versions -czf ruby.tar.gz 3.3.6`")
}

func (u *unpacker) has(name string) bool {
	if _, ok := u.symbolic[name]; ok {
		return true
	}
	info, err := u.root.Lstat(name)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o100 != 0
}

// localName is a tar name below the directory it is unpacked in.
func localName(name string) (string, error) {
	clean := path.Clean(name)
	if path.IsAbs(name) || !filepath.IsLocal(clean) || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("the name %q leads out of the directory it is unpacked in: pack it with relative names", name)
	}
	return clean, nil
}
