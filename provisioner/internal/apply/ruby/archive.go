package ruby

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

const (
	// stampName holds, within a version, the checksum of the archive it came from.
	stampName = ".deployhost-archive"
	// unpackName is where an archive is unpacked, beside the versions. rbenv
	// lists no name that starts with a dot.
	unpackName = "/versions/.deployhost-unpack"
)

// archiveObstacle is why the archive cannot become the version, or "".
func archiveObstacle(h host.Host, r blueprint.Ruby, archive string) (string, error) {
	state, err := stampOf(h, r)
	switch {
	case err != nil:
		return "", err
	case state == r.SHA256:
		return "", nil
	case state == foreign:
		return fmt.Sprintf("ruby: %s exists and does not come from an archive of this plugin's, so it is not replaced: "+
			"remove it earlier in the build, or name this Ruby otherwise (ruby.version)", r.VersionDir()), nil
	case archive == "":
		return fmt.Sprintf("ruby: no archive came with the blueprint, and %s is not there yet: set ruby.archive", r.VersionDir()), nil
	}
	file, err := os.Open(archive)
	if err != nil {
		return "", fmt.Errorf("ruby: the archive: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("ruby: the archive: %w", err)
	}
	return checksumProblem(hex.EncodeToString(sum.Sum(nil)), r.SHA256), nil
}

func checksumProblem(have, want string) string {
	if have == want {
		return ""
	}
	return fmt.Sprintf("ruby: the archive's SHA-256 is %s, not %s, so it is damaged or another one: "+
		"set ruby.sha256 to the checksum of the archive that you mean, or upload that one", have, want)
}

// foreign is the stamp of a version that is there but has none.
const foreign = "none"

// stampOf is the checksum that the installed version came from; "" when there is no version.
func stampOf(h host.Host, r blueprint.Ruby) (string, error) {
	if _, err := os.Lstat(h.Path(r.VersionDir())); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	stamp, err := os.ReadFile(h.Path(r.VersionDir() + "/" + stampName))
	if errors.Is(err, fs.ErrNotExist) {
		return foreign, nil
	}
	return strings.TrimSpace(string(stamp)), err
}

// installArchive unpacks the archive beside the versions and renames it to its
// place, unless it is there already.
func installArchive(h host.Host, r blueprint.Ruby, archive string) (changed bool, err error) {
	stamp, err := stampOf(h, r)
	if err != nil || stamp == r.SHA256 {
		return false, err
	}
	temp := h.Path(r.Root + unpackName)
	if err := os.RemoveAll(temp); err != nil {
		return false, err
	}
	if err := os.Mkdir(temp, 0o755); err != nil {
		return false, err
	}
	defer os.RemoveAll(temp)

	file, err := os.Open(archive)
	if err != nil {
		return false, fmt.Errorf("ruby: the archive: %w", err)
	}
	defer file.Close()
	top, sum, err := Unpack(file, temp)
	if err != nil {
		return false, fmt.Errorf("ruby: the archive: %w", err)
	}
	if problem := checksumProblem(sum, r.SHA256); problem != "" {
		return false, errors.New(problem)
	}
	unpacked := filepath.Join(temp, top)
	if err := os.WriteFile(unpacked+"/"+stampName, []byte(sum+"\n"), 0o644); err != nil {
		return false, err
	}
	if err := SyncAll(unpacked); err != nil {
		return false, err
	}
	if err := os.RemoveAll(h.Path(r.VersionDir())); err != nil {
		return false, err
	}
	return true, os.Rename(unpacked, h.Path(r.VersionDir()))
}

// SyncAll writes the whole file system out: one call instead of an fsync for
// each of a Ruby's thousands of files.
func SyncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
