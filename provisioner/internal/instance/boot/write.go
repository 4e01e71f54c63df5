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
func (h Host) openRun(dir string, mode fs.FileMode) (*os.Root, error) {
	full := h.Users.Path(dir)
	if err := os.MkdirAll(full, mode); err != nil {
		return nil, err
	}
	run, err := os.OpenRoot(full)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(h.Chown(run, ".", rootGroup), run.Chmod(".", mode)); err != nil {
		_ = run.Close() // only opened
		return nil, err
	}
	return run, nil
}

// writeOutputs writes an app's files root:gid 0640, below directories 0750.
func (h Host) writeOutputs(stage *os.Root, outputs []output, gid int) error {
	for _, o := range outputs {
		name := path.Join(o.app, o.path)
		if err := h.makeDirs(stage, path.Dir(name), gid); err != nil {
			return fmt.Errorf("%s/%s: %w", blueprint.RunDir, path.Dir(name), err)
		}
		if err := h.writeFile(stage, name, o.content, gid, 0o640); err != nil {
			return fmt.Errorf("%s/%s: %w", blueprint.RunDir, name, err)
		}
	}
	return nil
}

func (h Host) makeDirs(stage *os.Root, dir string, gid int) error {
	if parent := path.Dir(dir); parent != "." {
		if err := h.makeDirs(stage, parent, gid); err != nil {
			return err
		}
	}
	if err := stage.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return errors.Join(h.Chown(stage, dir, gid), stage.Chmod(dir, 0o750))
}

// writeFile makes a file, which nobody sees before the stage is published.
// Nothing is synced: /run is memory (file-hierarchy(7)).
func (h Host) writeFile(stage *os.Root, name string, content []byte, gid int, mode fs.FileMode) error {
	file, err := stage.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close(), h.Chown(stage, name, gid), stage.Chmod(name, mode))
}

// withdraw leaves nothing on the stage, and monit nothing to watch: an app must
// never start with values that no longer hold.
func (h Host) withdraw(stage *os.Root) error {
	entries, err := fs.ReadDir(stage.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		err = errors.Join(err, stage.RemoveAll(e.Name()))
	}
	return errors.Join(err, h.unlinkFragments())
}

func (h Host) writeVerdict(stage *os.Root, v *instance.Verdict) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return h.writeFile(stage, strings.TrimPrefix(blueprint.VerdictPath, blueprint.RunDir+"/"), append(data, '\n'), rootGroup, 0o644)
}
