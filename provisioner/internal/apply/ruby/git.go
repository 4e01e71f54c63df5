package ruby

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// sourceDir is where rbenv's own checkout is, below its root.
const sourceDir = "/src/rbenv"

// Checkout makes dir the source's commit, unless it is already. Nothing that
// is another commit ever has dir's name.
func Checkout(h host.Host, source blueprint.GitSource, dir string) (changed bool, err error) {
	if have, err := head(h, dir); err == nil && have == source.Commit {
		return false, nil
	}
	temp := path.Dir(dir) + "/." + path.Base(dir) + ".deployhost-clone"
	if err := errors.Join(os.RemoveAll(h.Path(temp)), os.MkdirAll(h.Path(path.Dir(dir)), 0o755)); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(h.Path(temp))) }()
	// A branch's newest commit is all that can be the right one.
	out, err := h.Run(git("clone", "--quiet", "--depth", "1", "--branch", source.Ref, "--", source.URL, temp))
	if err != nil {
		return false, fmt.Errorf("ruby: git: %w", err)
	}
	if out.Code != 0 {
		return false, fmt.Errorf("ruby: %s of %s cannot be cloned: look at the URL and the ref, and at this host's network and proxy; a path has to be on this host, and root's. git says: %s",
			source.Ref, source.URL, out.Tail())
	}
	have, err := head(h, temp)
	if err != nil {
		return false, fmt.Errorf("ruby: %w", err)
	}
	if have != source.Commit {
		return false, fmt.Errorf("ruby: %s of %s is commit %s, not %s, so somebody has moved it, and it is not used: look at what has changed, and set commit = %q if that is what you want",
			source.Ref, source.URL, have, source.Commit, have)
	}
	if err := os.RemoveAll(h.Path(dir)); err != nil {
		return false, err
	}
	return true, os.Rename(h.Path(temp), h.Path(dir))
}

func head(h host.Host, dir string) (string, error) {
	if _, err := os.Stat(h.Path(dir + "/.git")); err != nil {
		return "", err
	}
	out, err := h.Do(git("-C", dir, "rev-parse", "HEAD"))
	return strings.TrimSpace(out.Stdout), err
}

func git(args ...string) host.Command {
	return host.Command{
		Args: append([]string{"git"}, args...),
		Env:  []string{"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1"},
	}
}
