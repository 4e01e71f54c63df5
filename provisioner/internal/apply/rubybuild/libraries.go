package rubybuild

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// header is what is known of a Ruby that was built just now.
func (s *Site) header(in rubypack.Inputs, start time.Time) (rubypack.Header, error) {
	h := rubypack.Header{Inputs: in}
	var err error
	if h.Packages, err = s.linked(in.Version); err != nil {
		return h, err
	}
	if h.Compiler, err = compilerVersion(s.Host); err != nil {
		return h, err
	}
	h.RubyBuild = in.RubyBuild
	if h.RubyBuild == "" {
		out, err := s.Host.Do(host.Command{Args: []string{"dpkg-query", "--show", "--showformat", "${Version}", "ruby-build"}})
		if err != nil {
			return h, err
		}
		h.RubyBuild = out.Stdout
	}
	h.Seconds = time.Since(start).Seconds()
	return h, nil
}

// linked are the packages of the shared libraries that a staged version links
// against.
func (s *Site) linked(version string) ([]string, error) {
	files, err := s.elfFiles(version)
	if err != nil {
		return nil, err
	}
	// Fails where a file is no dynamic one, and tells of the others all the same.
	out, err := s.Host.Run(host.Command{Args: append([]string{"ldd"}, files...)})
	if err != nil {
		return nil, err
	}
	libraries := resolved(out.Stdout, s.versions())
	if len(libraries) == 0 {
		return nil, nil
	}
	// Fails where one is no package's, such as a library in /usr/local.
	out, err = s.Host.Run(host.Command{Args: append([]string{"dpkg-query", "--search", "--"}, libraries...)})
	if err != nil {
		return nil, err
	}
	return owners(out.Stdout), nil
}

// elfFiles are a version's executables and libraries.
func (s *Site) elfFiles(version string) ([]string, error) {
	var files []string
	dir := s.path(s.staged(version))
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if strings.Contains(entry.Name(), ".so") || filepath.Dir(path) == dir+"/bin" {
			files = append(files, s.staged(version)+strings.TrimPrefix(path, dir))
		}
		return nil
	})
	return files, err
}

// resolved are the libraries that ldd(1) found outside of our own directory,
// by each name that dpkg may know them: with a merged /usr, a package may have
// shipped /lib/x and ldd say /usr/lib/x, or the other way round.
func resolved(text, own string) []string {
	found := map[string]bool{}
	for line := range strings.Lines(text) {
		_, right, ok := strings.Cut(line, " => ")
		path, _, _ := strings.Cut(right, " (")
		if path = strings.TrimSpace(path); !ok || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, own+"/") {
			continue
		}
		found[path] = true
		if rest, ok := strings.CutPrefix(path, "/usr"); ok {
			found[rest] = true
		} else {
			found["/usr"+path] = true
		}
	}
	paths := make([]string, 0, len(found))
	for path := range found {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// owners reads dpkg-query --search: "libssl3:amd64: /usr/lib/…".
func owners(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		if name, _, ok := strings.Cut(line, ": "); ok && !strings.Contains(name, " ") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// chownAll gives a staged version, which nobody but root can change yet, to the
// deploy user: what a directory holds before the directory itself, so that root
// never goes where the user could have put a link.
func (s *Site) chownAll(version string) error {
	root, err := os.OpenRoot(s.path(s.staged(version)))
	if err != nil {
		return err
	}
	defer root.Close()
	var names []string
	err = fs.WalkDir(root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		names = append(names, name)
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(names) {
		if err := root.Lchown(name, s.User.UID, s.User.GID); err != nil {
			return err
		}
	}
	return nil
}
