package ruby

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/asuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Install makes rbenv list a Ruby that is not compiled here. archive is needed
// by method archive only.
func Install(h host.Host, t *tree.Tree, r blueprint.Ruby, user blueprint.User, archive string) (tree.Result, error) {
	result, err := Layout(h, t, r)
	if err != nil || len(result.Problems) > 0 {
		return result, err
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
	shims, err := Rehash(h, r, user, len(result.Changes) > 0)
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

// Rehash makes rbenv's shims where they may differ, and tells which of them are
// new or gone.
func Rehash(h host.Host, r blueprint.Ruby, user blueprint.User, changed bool) (tree.Result, error) {
	if !changed && hashed(h, r) {
		return tree.Result{}, nil
	}
	dir := h.Path(r.Root + "/shims")
	if err := unlock(h, dir+"/.rbenv-shim"); err != nil {
		return tree.Result{}, err
	}
	before, err := names(dir)
	if err != nil {
		return tree.Result{}, err
	}
	c := host.Command{Args: []string{r.Root + "/bin/rbenv", "rehash"}}
	if r.Writable {
		// Root writes nothing where the user could have put a link.
		if c, err = asuser.Command(h, user, c.Args...); err != nil {
			return tree.Result{}, err
		}
	}
	c.Env = append(c.Env, "RBENV_ROOT="+r.Root)
	if _, err := h.Do(c); err != nil {
		return tree.Result{}, fmt.Errorf("ruby: rbenv could not make its shims; is %s/shims full, read-only, or at work in another rehash? Run the build again: %w", r.Root, err)
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

const (
	// rehashLasts is more than a rehash of thousands of executables takes.
	rehashLasts = 30 * time.Second
	rehashPause = 200 * time.Millisecond
)

// unlock waits for another rehash, whose lock is a file, and removes the lock
// of one that was killed: then no process has it.
func unlock(h host.Host, lock string) error {
	for end := time.Now().Add(rehashLasts); ; time.Sleep(rehashPause) {
		if _, err := os.Lstat(lock); err != nil {
			return nil //nolint:nilerr // not locked
		}
		if !rehashing(h) {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("ruby: another `rbenv rehash` has been at work on this host for more than %s (its lock is %s): see what holds it up, end it, and run the build again", rehashLasts, lock)
		}
	}
	if err := os.Remove(lock); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// rehashing tells whether any process is a rehash.
func rehashing(h host.Host) bool {
	processes, _ := filepath.Glob(h.Path("/proc/[0-9]*/cmdline"))
	return slices.ContainsFunc(processes, func(file string) bool {
		line, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(line), "/rbenv-rehash\x00")
	})
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
