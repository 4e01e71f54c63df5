package ruby

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// systemRuby is the distribution's.
const systemRuby = "/usr/bin/ruby"

// own are Ruby's executables that are no gem's.
var own = []string{"ruby", "gem"}

// binDirs are where executables of Debian's Ruby packages and of gems that root
// installs are, in the order of PATH.
var binDirs = []string{"/usr/local/bin", "/usr/bin"}

// SystemMismatch is why the distribution's Ruby is not the version that the
// blueprint wants, or "". It says nothing when there is no Ruby.
func SystemMismatch(h host.Host, r blueprint.Ruby) (string, error) {
	if !hasSystemRuby(h) {
		return "", nil
	}
	out, err := h.Do(host.Command{Args: []string{systemRuby, "-e", "print RUBY_VERSION"}})
	if err != nil {
		return "", err
	}
	if have := strings.TrimSpace(out.Stdout); !covers(r.Version, have) {
		return fmt.Sprintf("ruby: this host's %s is %s, not %s; units and .ruby-version files would name a version that does not exist: "+
			"set ruby.version = %q, or bring %s with ruby.method = \"archive\"", systemRuby, have, r.Version, have, r.Version), nil
	}
	return "", nil
}

// covers tells whether version, which may leave the patch out, is have.
func covers(version, have string) bool {
	return have == version || strings.HasPrefix(have, version+".")
}

func hasSystemRuby(h host.Host) bool {
	_, err := os.Stat(h.Path(systemRuby))
	return err == nil
}

// systemVersion makes a version of links to the executables of Ruby and of its
// gems, which is what a version holds, and to nothing else of /usr/bin.
func systemVersion(h host.Host, r blueprint.Ruby) ([]blueprint.Entry, error) {
	if !hasSystemRuby(h) {
		return nil, fmt.Errorf("ruby: %s is missing: add \"ruby\" to packages, or set ruby.method to \"archive\" or \"none\"", systemRuby)
	}
	if problem, err := SystemMismatch(h, r); err != nil || problem != "" {
		return nil, errorOf(problem, err)
	}
	// Gem's home directories would add the gems of whoever runs us.
	out, err := h.Do(host.Command{
		Args: []string{systemRuby, "-e", "puts Gem::Specification.flat_map(&:executables)"},
		Env:  []string{"HOME=/nonexistent"},
	})
	if err != nil {
		return nil, err
	}
	names := slices.Concat(own, strings.Fields(out.Stdout))
	slices.Sort(names)

	bin := r.VersionDir() + "/bin"
	entries := []blueprint.Entry{dir(r.VersionDir()), dir(bin)}
	for _, name := range slices.Compact(names) {
		if file, ok := executable(h, name); ok {
			entries = append(entries, link(bin+"/"+name, file))
		}
	}
	return entries, nil
}

func executable(h host.Host, name string) (string, bool) {
	if strings.ContainsRune(name, '/') || strings.HasPrefix(name, ".") {
		return "", false
	}
	for _, dir := range binDirs {
		if slices.Contains(own, name) {
			dir = "/usr/bin"
		}
		if info, err := os.Stat(h.Path(dir + "/" + name)); err == nil && info.Mode().IsRegular() {
			return dir + "/" + name, true
		}
	}
	return "", false
}

// stale are links of the version whose executable is gone or no gem's any more.
func stale(h host.Host, r blueprint.Ruby, wanted []blueprint.Entry) []blueprint.Entry {
	bin := r.VersionDir() + "/bin"
	have, err := os.ReadDir(h.Path(bin))
	if err != nil {
		return nil
	}
	var entries []blueprint.Entry
	for _, file := range have {
		path := bin + "/" + file.Name()
		if !slices.ContainsFunc(wanted, func(e blueprint.Entry) bool { return e.Path == path }) {
			entries = append(entries, link(path, ""))
		}
	}
	return entries
}
