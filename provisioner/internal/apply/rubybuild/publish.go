package rubybuild

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/ruby"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// stampName holds, within a version, where it came from.
const stampName = "/.deployhost-ruby.json"

// stamp is what a published version says of itself.
type stamp struct {
	Key string `json:"key"`
	// How is built or restored, and Seconds how long that took.
	How     string  `json:"how"`
	Seconds float64 `json:"seconds"`
	rubypack.Header
	// foreign is a version that is there and not ours.
	foreign bool
}

// The ways in which a version comes to be.
const (
	built    = "built"
	restored = "restored"
)

// readStamp is empty for a version that is not there.
func readStamp(h host.Host, dir string) (stamp, error) {
	var st stamp
	info, err := os.Lstat(h.Path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	text, err := os.ReadFile(h.Path(dir + stampName))
	if errors.Is(err, fs.ErrNotExist) {
		// A link is what a killed build left where no room could be made.
		st.foreign = info.IsDir()
		return st, nil
	}
	if err != nil {
		return st, err
	}
	if err := json.Unmarshal(text, &st); err != nil {
		return st, fmt.Errorf("ruby: %s: %w: remove the directory, and it is made anew", dir+stampName, err)
	}
	return st, nil
}

// publish gives a staged version its name, with one rename.
func (s *Site) publish(header rubypack.Header, how string) error {
	st := stamp{Key: header.Inputs.Key(), How: how, Seconds: header.Seconds, Header: header}
	text, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	version := header.Inputs.Version
	staged, dir := s.path(s.staged(version)), s.path(s.Ruby.DirOf(version))
	if err := os.WriteFile(staged+stampName, append(text, '\n'), 0o644); err != nil {
		return err
	}
	if s.Ruby.Writable {
		if err := s.chownAll(version); err != nil {
			return err
		}
	}
	if err := ruby.SyncAll(staged); err != nil {
		return err
	}
	if target, err := os.Readlink(dir); err == nil && target == s.staged(version) {
		if err := os.Remove(dir); err != nil {
			return err
		}
	}
	err = unix.Renameat2(unix.AT_FDCWD, staged, unix.AT_FDCWD, dir, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EEXIST) {
		// The old one goes into the stage, which is removed.
		err = unix.Renameat2(unix.AT_FDCWD, staged, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	}
	if err != nil {
		return fmt.Errorf("ruby: %s: %w", s.Ruby.DirOf(version), err)
	}
	return ruby.SyncAll(dir)
}
