package deployhost

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/capistrano"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/plan"
)

// capistrano judges what would otherwise fail after the bake, when all the
// time has been spent, or in a deploy.
func (t *translator) capistrano(path *string, apps []app.App) {
	if path == nil {
		return
	}
	t.capistranoPath(*path)
	for i, a := range apps {
		for j, k := range a.Sidekiqs {
			if hasUnits(a.Sidekiqs) { // else it was reported already, or is not known yet
				t.Add(fmt.Sprintf("app[%d].sidekiq[%d].unit_name", i, j), capistrano.CheckSidekiq(a.Sidekiqs, k))
			}
		}
	}
}

func hasUnits(all []app.Sidekiq) bool {
	for _, k := range all {
		if k.Unit == "" {
			return false
		}
	}
	return true
}

func (t *translator) capistranoPath(path string) {
	const field = "capistrano"
	if path == "" {
		t.Addf(field, "is empty: name the file to write, for example \"config/deployhost.rb\", or leave the attribute out")
		return
	}
	if !t.Known(path) {
		return
	}
	dir := filepath.Dir(path)
	if isStage(path) {
		t.Addf(field, "%q would be a stage: Capistrano takes every .rb file in config/deploy for one; write for example \"config/deployhost.rb\"", path)
	}
	if info, err := os.Stat(dir); err != nil {
		t.Addf(field, "%w: the file could not be written after the bake; paths are relative to the directory in which packer is started, so make %q there, or write \"${path.root}/…\" for a place beside the template", err, dir)
		return
	} else if !info.IsDir() {
		t.Addf(field, "%q is no directory, so nothing can be written below it: name a file in an existing directory, for example \"config/deployhost.rb\"", dir)
		return
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		t.Add(field, err)
	case info.IsDir():
		t.Addf(field, "%q is a directory: name a file in it, for example %q", path, filepath.Join(path, "deployhost.rb"))
	case !info.Mode().IsRegular():
		t.Addf(field, "%q is no ordinary file, and would be replaced by one: name another", path)
	}
}

// isStage tells whether Capistrano reads a file as a stage (its dsl/stages.rb).
func isStage(path string) bool {
	absolute, err := filepath.Abs(path)
	return err == nil && filepath.Ext(path) == ".rb" && strings.HasSuffix(filepath.ToSlash(filepath.Dir(absolute)), "/config/deploy")
}

// capistranoFile is the file for Capistrano, on this machine.
type capistranoFile struct{ path, text string }

// capistranoFor is nil when no file is asked for.
func capistranoFor(path *string, h plan.Host) (*capistranoFile, error) {
	if path == nil {
		return nil, nil //nolint:nilnil // nothing is asked for, which is no mistake
	}
	text, err := capistrano.Render(app.Host{User: h.User.Blueprint()}, h.Ruby, h.Apps)
	return &capistranoFile{path: *path, text: text}, err
}

// tell writes the file and says so.
func (f *capistranoFile) tell(ui packer.Ui) error {
	if f == nil {
		return nil
	}
	if err := f.write(); err != nil {
		return fmt.Errorf("the host is baked, but the file for Capistrano could not be written: %w", err)
	}
	ui.Sayf("For Capistrano: %s", f.path)
	return nil
}

// write leaves a file that is right already alone, and else replaces it whole:
// a deploy may read it at any time, and builds that run in parallel share it.
func (f *capistranoFile) write() error {
	path := f.path
	// A link stays one.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, []byte(f.text)) {
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = temp.WriteString(f.text)
	err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}
