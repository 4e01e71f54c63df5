package rubybuild

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/apt"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// common are what ruby-build's wiki asks for, by names that Debian 11 to 13 and
// Ubuntu 20.04 to 24.04 have.
var common = []string{
	"autoconf", "bison", "build-essential", "bzip2", "ca-certificates", "curl", "patch",
	"libffi-dev", "libgdbm-dev", "libgmp-dev", "libncurses-dev", "libreadline-dev", "libssl-dev", "libyaml-dev", "uuid-dev", "zlib1g-dev",
}

// rustless are releases whose rustc is older than 1.58, which YJIT needs.
var rustless = []string{"debian 11"}

// Compilers are the packages that a build needs on this host.
func Compilers(h host.Host, r blueprint.Ruby) ([]string, error) {
	all := slices.Clone(common)
	b := r.Build
	if b.Source == nil {
		all = append(all, "ruby-build")
	} else {
		all = append(all, "git")
	}
	if b.Jemalloc {
		all = append(all, "libjemalloc-dev")
	}
	if b.YJIT && slices.ContainsFunc(r.Versions(), needsRust) {
		id, version, err := release(h)
		if err != nil {
			return nil, err
		}
		if slices.Contains(rustless, id+" "+version) {
			return nil, fmt.Errorf("ruby: yjit = true takes rustc 1.58 or newer, and %s %s has an older one: bake onto a newer release, or leave yjit out", id, version)
		}
		all = append(all, "rustc")
	}
	slices.Sort(all)
	return all, nil
}

// needsRust tells whether a version's YJIT is written in Rust: in 3.1, the first
// that has one, it is C.
func needsRust(version string) bool { return !strings.HasPrefix(version, "3.1.") }

// beforePath lists the packages that were installed before a build brought
// more, so that a later run can remove those of one that was killed.
const beforePath = "/var/lib/deployhost/before-ruby-build.json"

// installCompilers installs what the build needs and is not there.
func (s *Site) installCompilers() error {
	wanted, err := Compilers(s.Host, s.Ruby)
	if err != nil {
		return err
	}
	missing, err := apt.Missing(s.Host, wanted)
	if err != nil || len(missing) == 0 {
		return err
	}
	if s.build().Remove {
		if err := s.noteBefore(); err != nil {
			return err
		}
	}
	s.Events.Progress(fmt.Sprintf("packages to compile with: %s", strings.Join(missing, " ")))
	if err := apt.Install(s.Host, missing); err != nil {
		return fmt.Errorf("ruby: packages to compile with: %w", err)
	}
	return nil
}

func (s *Site) noteBefore() error {
	path := s.path(beforePath)
	if _, err := os.Lstat(path); err == nil {
		return nil // of a run that was killed: older, and so the right one
	}
	before, err := installed(s.Host)
	if err != nil {
		return err
	}
	text, err := json.Marshal(before)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// removeCompilers removes what installCompilers brought, but for what the
// Rubies and the blueprint need, and ruby-build's checkout: an image in which a
// Ruby was compiled is like one in which it was restored.
func (s *Site) removeCompilers() error {
	if s.build().Remove && s.build().Source != nil {
		if err := os.RemoveAll(s.path(s.Ruby.Root + pluginDir)); err != nil {
			return err
		}
		_ = os.Remove(filepath.Dir(s.path(s.Ruby.Root + pluginDir))) // unless it holds others
	}
	text, err := os.ReadFile(s.path(beforePath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var before []string
	if err := json.Unmarshal(text, &before); err != nil {
		return fmt.Errorf("%s: %w", beforePath, err)
	}
	if s.build().Remove {
		if err := s.removeSince(before); err != nil {
			return err
		}
	}
	return os.Remove(s.path(beforePath))
}

func (s *Site) removeSince(before []string) error {
	needed := slices.Clone(s.Packages)
	for _, version := range s.Ruby.Versions() {
		stamp, err := readStamp(s.Host, s.Ruby.DirOf(version))
		if err != nil {
			return err
		}
		needed = append(needed, stamp.Packages...)
	}
	kept, err := closure(s.Host, needed)
	if err != nil {
		return err
	}
	now, err := installed(s.Host)
	if err != nil {
		return err
	}
	var brought []string
	for _, name := range now {
		if !slices.Contains(before, name) && !kept[name] {
			brought = append(brought, name)
		}
	}
	s.Events.Progress(fmt.Sprintf("removing %d packages that only the compiler needed", len(brought)))
	return apt.Remove(s.Host, brought)
}

// installed are the names of all packages that are there.
func installed(h host.Host) ([]string, error) {
	out, err := h.Do(host.Command{Args: []string{"dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${Package}\n"}})
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(out.Stdout) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "ii" {
			names = append(names, fields[1])
		}
	}
	return names, nil
}

// closure are packages and all that they depend on.
func closure(h host.Host, names []string) (map[string]bool, error) {
	const format = "${Package}\t${Pre-Depends}, ${Depends}\t${Provides}\n"
	out, err := h.Do(host.Command{Args: []string{"dpkg-query", "--show", "--showformat", format}})
	if err != nil {
		return nil, err
	}
	depends, providers := map[string][]string{}, map[string][]string{}
	for line := range strings.Lines(out.Stdout) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			continue
		}
		depends[fields[0]] = relations(fields[1])
		for _, virtual := range relations(fields[2]) {
			providers[virtual] = append(providers[virtual], fields[0])
		}
	}
	all := map[string]bool{}
	for queue := slices.Clone(names); len(queue) > 0; queue = queue[1:] {
		name, _, _ := strings.Cut(queue[0], ":")
		if all[name] {
			continue
		}
		all[name] = true
		queue = slices.Concat(queue, depends[name], providers[name])
	}
	return all, nil
}

// relations are the names in a field such as "libc6 (>= 2.34), a | b".
func relations(field string) []string {
	var names []string
	for _, one := range strings.FieldsFunc(field, func(c rune) bool { return c == ',' || c == '|' }) {
		if words := strings.Fields(one); len(words) > 0 {
			name, _, _ := strings.Cut(words[0], ":")
			names = append(names, name)
		}
	}
	return names
}
