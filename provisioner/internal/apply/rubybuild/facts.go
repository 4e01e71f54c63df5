package rubybuild

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// facts are what a Ruby depends on that only the host knows.
type facts struct {
	// id and release are os-release(5)'s ID and VERSION_ID, for example "debian" and "12".
	id, release string
	libc        string
	// compiler is empty for the distribution's default.
	compiler string
}

func (s *Site) facts() (facts, error) {
	var f facts
	var err error
	if f.id, f.release, err = release(s.Host); err != nil {
		return f, err
	}
	out, err := s.Host.Do(host.Command{Args: []string{"getconf", "GNU_LIBC_VERSION"}})
	if err != nil {
		return f, err
	}
	f.libc = strings.TrimSpace(out.Stdout)
	f.compiler, err = otherCompiler(s.Host)
	return f, err
}

func release(h host.Host) (id, version string, err error) {
	file, err := os.Open(h.Path("/etc/os-release"))
	if err != nil {
		return "", "", err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		switch key, value, _ := strings.Cut(lines.Text(), "="); key {
		case "ID":
			id = strings.Trim(value, `"'`)
		case "VERSION_ID":
			version = strings.Trim(value, `"'`)
		}
	}
	return id, version, lines.Err()
}

// otherCompiler is what cc says of itself, unless it is the gcc that the
// distribution's package of that name leads to, or is not there: then packages
// bring that gcc before anything is compiled.
func otherCompiler(h host.Host) (string, error) {
	cc, err := filepath.EvalSymlinks(h.Path("/usr/bin/cc"))
	if err != nil {
		return "", nil //nolint:nilerr // not there
	}
	if gcc, err := filepath.EvalSymlinks(h.Path("/usr/bin/gcc")); err == nil && gcc == cc && gccOfRelease(h) {
		return "", nil
	}
	return compilerVersion(h)
}

// gccOfRelease tells whether /usr/bin/gcc is the link in the package gcc, and
// nothing lies in front of it on PATH.
func gccOfRelease(h host.Host) bool {
	for _, name := range []string{"/usr/local/bin/cc", "/usr/local/bin/gcc"} {
		if _, err := os.Lstat(h.Path(name)); err == nil {
			return false
		}
	}
	out, err := h.Run(host.Command{Args: []string{"dpkg-query", "--search", "/usr/bin/gcc"}})
	return err == nil && strings.HasPrefix(out.Stdout, "gcc: ")
}

func compilerVersion(h host.Host) (string, error) {
	out, err := h.Do(host.Command{Args: []string{"cc", "--version"}})
	first, _, _ := strings.Cut(out.Stdout, "\n")
	return first, err
}

func (s *Site) inputs(version string, f facts) rubypack.Inputs {
	b := s.build()
	in := rubypack.Inputs{
		Version: version, Prefix: s.Ruby.DirOf(version),
		Tarball: b.Tarball, Configure: b.Configure, Make: b.Make, CFlags: b.CFlags,
		Jemalloc: b.Jemalloc, YJIT: b.YJIT, Gems: b.Gems, GemSource: b.GemSource,
		Distribution: f.id + " " + f.release, Arch: runtime.GOARCH, Libc: f.libc, Compiler: f.compiler,
	}
	if version == s.Ruby.Version {
		in.Definition = b.Definition
	}
	if b.Source != nil {
		in.RubyBuild = b.Source.Commit
	}
	return in
}
