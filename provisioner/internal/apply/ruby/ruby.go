package ruby

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Install makes rbenv list the Ruby. archive is needed by method archive only.
func Install(h host.Host, t *tree.Tree, r blueprint.Ruby, archive string) (tree.Result, error) {
	entries, err := skeleton(h, r)
	if err != nil {
		return tree.Result{}, err
	}
	result := t.Do(tree.Write, entries)
	if len(result.Problems) > 0 {
		return result, nil
	}
	switch r.Method {
	case blueprint.RubySystem:
		version, err := systemVersion(h, r)
		if err != nil {
			return result, err
		}
		result = join(result, t.Do(tree.Write, version), t.Do(tree.Remove, stale(h, r, version)))
	case blueprint.RubyArchive:
		changed, err := installArchive(h, r, archive)
		if err != nil {
			return result, err
		}
		if changed {
			result.Changes = append(result.Changes, tree.Change{Path: r.VersionDir(), What: "unpacked"})
		}
	default:
		return result, fmt.Errorf("ruby: this tool knows no method %q: use the plugin and the host tool of one release", r.Method)
	}
	if len(result.Problems) > 0 {
		return result, nil
	}
	if len(result.Changes) == 0 && hashed(h, r) {
		return result, nil
	}
	shims, err := rehash(h, r)
	return join(result, shims), err
}

// hashed tells whether there is a shim for each executable of each version,
// and no other. rehash would change nothing then, yet touch the directory: an
// image that is as it should be stays untouched.
func hashed(h host.Host, r blueprint.Ruby) bool {
	files, err := filepath.Glob(h.Path(r.Root) + "/versions/*/bin/*")
	if err != nil {
		return false
	}
	executables := make([]string, 0, len(files))
	for _, file := range files {
		executables = append(executables, filepath.Base(file))
	}
	slices.Sort(executables)
	// The lock of a killed rehash is a difference, too.
	shims, err := names(h.Path(r.Root + "/shims"))
	return err == nil && slices.Equal(slices.Compact(executables), shims)
}

// Obstacles are the reasons for which Install would fail, as far as they can
// be seen before packages are installed.
func Obstacles(h host.Host, r blueprint.Ruby, archive string) []string {
	var problem string
	var err error
	switch r.Method {
	case blueprint.RubySystem:
		problem, err = SystemMismatch(h, r)
	case blueprint.RubyArchive:
		problem, err = archiveObstacle(h, r, archive)
	}
	if err := errorOf(problem, err); err != nil {
		return []string{err.Error()}
	}
	return nil
}

// rehash makes rbenv's shims, and tells which of them are new or gone.
func rehash(h host.Host, r blueprint.Ruby) (tree.Result, error) {
	dir := h.Path(r.Root + "/shims")
	// The lock of a rehash that was killed; while we run, nobody else's is under way.
	if err := os.Remove(dir + "/.rbenv-shim"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tree.Result{}, err
	}
	before, err := names(dir)
	if err != nil {
		return tree.Result{}, err
	}
	if _, err := h.Do(host.Command{Args: []string{r.Root + "/bin/rbenv", "rehash"}, Env: []string{"RBENV_ROOT=" + r.Root}}); err != nil {
		return tree.Result{}, err
	}
	after, err := names(dir)
	if err != nil {
		return tree.Result{}, err
	}
	var result tree.Result
	for _, name := range after {
		if !slices.Contains(before, name) {
			result.Changes = append(result.Changes, tree.Change{Path: r.Root + "/shims/" + name, What: "made"})
		}
	}
	for _, name := range before {
		if !slices.Contains(after, name) {
			result.Changes = append(result.Changes, tree.Change{Path: r.Root + "/shims/" + name, What: "removed"})
		}
	}
	return result, nil
}

func names(dir string) ([]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	list := make([]string, 0, len(files))
	for _, file := range files {
		list = append(list, file.Name())
	}
	return list, nil
}

func join(results ...tree.Result) tree.Result {
	var all tree.Result
	for _, r := range results {
		all.Changes = append(all.Changes, r.Changes...)
		all.Problems = append(all.Problems, r.Problems...)
	}
	return all
}

func errorOf(problem string, err error) error {
	if problem != "" {
		return errors.New(problem)
	}
	return err
}
