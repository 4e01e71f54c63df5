package boot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

const rootGroup = 0

// openRun makes and opens a directory below /run that root alone writes to.
// Through the handle no name can lead out of it.
func (h Host) openRun(dir string) (*os.Root, error) {
	full := h.Users.Path(dir)
	if err := os.MkdirAll(full, 0o755); err != nil {
		return nil, err
	}
	run, err := os.OpenRoot(full)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(h.Chown(run, ".", rootGroup), run.Chmod(".", 0o755)); err != nil {
		_ = run.Close() // only opened
		return nil, err
	}
	return run, nil
}

// writeOutputs writes an app's files root:gid 0640, below directories 0750.
func (h Host) writeOutputs(run *os.Root, outputs []output, gid int) error {
	for _, o := range outputs {
		name := path.Join(o.app, o.path)
		if err := h.makeDirs(run, path.Dir(name), gid); err != nil {
			return fmt.Errorf("%s/%s: %w", blueprint.RunDir, path.Dir(name), err)
		}
		if err := h.replace(run, name, o.content, gid, 0o640); err != nil {
			return fmt.Errorf("%s/%s: %w", blueprint.RunDir, name, err)
		}
	}
	return nil
}

func (h Host) makeDirs(run *os.Root, dir string, gid int) error {
	if parent := path.Dir(dir); parent != "." {
		if err := h.makeDirs(run, parent, gid); err != nil {
			return err
		}
	}
	if err := run.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return errors.Join(h.Chown(run, dir, gid), run.Chmod(dir, 0o750))
}

// replace puts a file in place with one rename, so that no reader sees half of
// it; owner and mode are right before the name is. Nothing is synced: /run is
// memory (file-hierarchy(7)).
func (h Host) replace(run *os.Root, name string, content []byte, gid int, mode fs.FileMode) error {
	temp := path.Join(path.Dir(name), fmt.Sprintf(".%s.%d", path.Base(name), os.Getpid()))
	file, err := run.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = errors.Join(h.Chown(run, temp, gid), run.Chmod(temp, mode))
	}
	if err == nil {
		err = run.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, run.Remove(temp))
	}
	return nil
}

// withdraw removes what an earlier attempt of this boot has left, so that an
// app never starts with values that no longer hold.
func (h Host) withdraw(run *os.Root) error {
	entries, err := fs.ReadDir(run.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name != path.Base(blueprint.VerdictPath) {
			err = errors.Join(err, run.RemoveAll(name))
		}
	}
	return errors.Join(err, h.unlinkFragments())
}

func (h Host) writeVerdict(run *os.Root, v *instance.Verdict) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return h.replace(run, strings.TrimPrefix(blueprint.VerdictPath, blueprint.RunDir+"/"), append(data, '\n'), rootGroup, 0o644)
}
