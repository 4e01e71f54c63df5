// Package rubybuild makes Rubies with ruby-build, or restores those that were
// made before, and lets rbenv list each only when it is whole and was seen to
// run for the deploy user.
package rubybuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/ruby"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// Site is where Rubies are made.
type Site struct {
	Host host.Host
	Tree *tree.Tree
	Ruby blueprint.Ruby
	User blueprint.User
	// Packages are those that the blueprint wants in any case.
	Packages []string
	Cache    Cache
	Events   *event.Writer
	// Cancelled tells why nobody waits for the outcome any more, or nil.
	Cancelled func() error
}

// Cache is what the build machine has, and how it comes here.
type Cache struct {
	// Offers are the Rubies that it could upload.
	Offers []rubypack.Offer
	// Upload is where an upload of a key would appear; "" when none can.
	Upload func(key string) string
	// Keep says that it wants to have what is built here.
	Keep bool
}

// stageName is beside the versions, and all that is unfinished is in it.
const stageName = "/.deployhost-stage"

func (s *Site) stage(path string) string   { return s.Ruby.Root + stageName + path }
func (s *Site) staged(ver string) string   { return s.stage("/versions/" + ver) }
func (s *Site) versions() string           { return s.Ruby.Root + "/versions" }
func (s *Site) path(path string) string    { return s.Host.Path(path) }
func (s *Site) exists(path string) bool    { _, err := os.Lstat(s.path(path)); return err == nil }
func (s *Site) build() blueprint.RubyBuild { return *s.Ruby.Build }

// Install makes rbenv list every version.
func (s *Site) Install(ctx context.Context) (result tree.Result, err error) {
	if err := s.tidy(); err != nil {
		return result, err
	}
	if result, err = s.layout(); err != nil || len(result.Problems) > 0 {
		return result, err
	}
	facts, err := s.facts()
	if err != nil {
		return result, err
	}
	for _, version := range s.Ruby.Versions() {
		changed, err := s.one(ctx, version, facts)
		if err != nil {
			return result, err
		}
		if changed {
			result.Changes = append(result.Changes, tree.Change{Path: s.Ruby.DirOf(version), What: "made"})
		}
	}
	if err := s.removeCompilers(); err != nil {
		return result, err
	}
	shims, err := ruby.Rehash(s.Host, s.Ruby, s.User, len(result.Changes) > 0)
	result.Changes = append(result.Changes, shims.Changes...)
	return result, err
}

// one makes one version, unless it is there and was made from the same.
func (s *Site) one(ctx context.Context, version string, f facts) (changed bool, err error) {
	inputs := s.inputs(version, f)
	have, err := readStamp(s.Host, s.Ruby.DirOf(version))
	if err != nil || have.Key == inputs.Key() {
		return false, err
	}
	if err := s.openStage(); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.tidy()) }()
	if s.restore(ctx, inputs) {
		return true, nil
	}
	if err := s.cancelled(ctx); err != nil {
		return false, err
	}
	return true, s.compile(ctx, inputs)
}

// openStage makes an empty stage that the deploy user may look into, as the
// proof does, and nobody but root may write to.
func (s *Site) openStage() error {
	if err := s.tidy(); err != nil {
		return err
	}
	for _, dir := range []string{"", "/versions", "/tmp", "/sources"} {
		if err := os.Mkdir(s.path(s.stage(dir)), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// tidy removes what is unfinished, of this run or of one that was killed.
func (s *Site) tidy() error {
	s.endLeftovers()
	for _, version := range s.Ruby.Versions() {
		dir := s.path(s.Ruby.DirOf(version))
		if target, err := os.Readlink(dir); err == nil && target == s.staged(version) {
			if err := os.Remove(dir); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(s.path(s.stage("")))
}

// endLeftovers kills compilers that still work in the stage: those of a run that
// was killed where no room could be made.
func (s *Site) endLeftovers() {
	processes, _ := filepath.Glob(s.path("/proc/[0-9]*"))
	for _, process := range processes {
		dir, err := os.Readlink(process + "/cwd")
		pid, notNumber := strconv.Atoi(filepath.Base(process))
		if err == nil && notNumber == nil && strings.HasPrefix(dir, s.path(s.stage(""))+"/") {
			_ = unix.Kill(pid, unix.SIGKILL) // gone by itself, then
		}
	}
}

func (s *Site) cancelled(ctx context.Context) error {
	if ctx.Err() != nil || s.Cancelled == nil {
		return ctx.Err()
	}
	return s.Cancelled()
}

// Obstacles are the reasons for which Install would fail, as far as they can
// be seen before the first change.
func Obstacles(h host.Host, r blueprint.Ruby) []string {
	var found []string
	for _, version := range r.Versions() {
		stamp, err := readStamp(h, r.DirOf(version))
		switch {
		case err != nil:
			found = append(found, err.Error())
		case stamp.foreign:
			found = append(found, fmt.Sprintf("ruby: %s exists and was not built by this plugin, so it is not replaced: "+
				"remove it earlier in the build, or let ruby.method = \"none\" leave Ruby alone", r.DirOf(version)))
		}
	}
	return found
}

// Missing tells whether a version is still to be made, which takes room on the disk.
func Missing(h host.Host, r blueprint.Ruby) bool {
	return slices.ContainsFunc(r.Versions(), func(version string) bool {
		_, err := os.Lstat(h.Path(r.DirOf(version)))
		return errors.Is(err, fs.ErrNotExist)
	})
}

// layout makes rbenv's root, and ruby-build a part of it when that stays.
func (s *Site) layout() (tree.Result, error) {
	result, err := ruby.Layout(s.Host, s.Tree, s.Ruby)
	if err != nil || len(result.Problems) > 0 {
		return result, err
	}
	if source := s.build().Source; source != nil && !s.build().Remove {
		changed, err := ruby.Checkout(s.Host, *source, s.Ruby.Root+pluginDir)
		if changed {
			result.Changes = append(result.Changes, tree.Change{Path: s.Ruby.Root + pluginDir, What: "cloned"})
		}
		return result, err
	}
	return result, nil
}
