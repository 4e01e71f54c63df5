//go:build acceptance && rubybuild && linux

package acceptance

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/rubybuild"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// rubySources is all that a Ruby is compiled from, without any network but the
// package mirror's.
type rubySources struct {
	// version and sum are the real source's.
	version, sum string
	// commits are those of rbenv and of ruby-build.
	commits [2]string
	// mirror holds tarballs by their SHA-256, and gems in rubygems/.
	mirror string
	// plain boots a stock Debian with the repositories in /srv/git, ready one
	// that has the compiler and the packages of rbenv and ruby-build, too.
	plain, ready []string
}

var rubySourcesOnce = sync.OnceValues(func() (*rubySources, error) { return fetchRubySources(shared.ctx) })

func theRubySources(t *testing.T) *rubySources {
	t.Helper()
	s, err := rubySourcesOnce()
	if err != nil {
		t.Fatalf("what Ruby is compiled from could not be fetched: %v", err)
	}
	return s
}

func fetchRubySources(ctx context.Context) (s *rubySources, err error) {
	script, err := os.ReadFile("testdata/ruby/sources.sh")
	if err != nil {
		return nil, err
	}
	c, err := bootUp(ctx, testmachine.RootOptions{
		Name: "ruby-sources", Lower: []string{shared.base}, Files: map[string]string{"/srv/sources.sh": string(script)},
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := checked(c.Exec(ctx, "sh", "/srv/sources.sh")); err != nil {
		return nil, err
	}
	s = &rubySources{mirror: filepath.Join(shared.layers, "mirror")}
	if err := s.take(ctx, c); err != nil {
		return nil, err
	}
	packages, err := compilers(c.RootDir(), blueprint.RubyBuild{})
	if err != nil {
		return nil, err
	}
	if err := checked(c.Exec(ctx, append([]string{"apt-get", "-qq", "-y", "--no-install-recommends", "install"}, packages...)...)); err != nil {
		return nil, err
	}
	if err := c.PowerOff(ctx); err != nil {
		return nil, err
	}
	s.ready, err = c.Commit(ctx, filepath.Join(shared.layers, "ruby-ready"))
	return s, err
}

// compilers are what a bake would install on a machine's release.
func compilers(root string, build blueprint.RubyBuild) ([]string, error) {
	return rubybuild.Compilers(host.Host{Root: root}, blueprint.Ruby{Version: "3.3.6", Build: &build})
}

// take copies what the machine has fetched.
func (s *rubySources) take(ctx context.Context, c *testmachine.Container) error {
	from := filepath.Join(c.RootDir(), "srv")
	if err := run1(ctx, "cp", "-r", filepath.Join(from, "mirror"), s.mirror); err != nil {
		return err
	}
	sums, err := filepath.Glob(s.mirror + "/" + strings.Repeat("?", sha256.Size*2))
	if err != nil || len(sums) != 1 {
		return fmt.Errorf("tarballs %q (%w)", sums, err)
	}
	s.sum = filepath.Base(sums[0])
	for file, to := range map[string]*string{
		"version": &s.version, "git/rbenv.commit": &s.commits[0], "git/ruby-build.commit": &s.commits[1],
	} {
		text, err := os.ReadFile(filepath.Join(from, file))
		if err != nil {
			return err
		}
		*to = strings.TrimSpace(string(text))
	}
	s.plain, err = editLayers(ctx, "ruby-plain", []string{shared.base}, nil, func(root string) error {
		return run1(ctx, "cp", "-a", filepath.Join(from, "git"), filepath.Join(root, "srv", "git"))
	})
	return err
}

func checked(result testmachine.Result, err error) error {
	if err != nil {
		return err
	}
	return result.Check()
}

func run1(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// serve is a mirror that the machine can reach: its own end of the machine's wire.
func (m *machine) serve(dir string) string {
	m.t.Helper()
	gateway := netip.MustParseAddr(m.Addr()).Prev()
	listener, err := net.Listen("tcp", net.JoinHostPort(gateway.String(), "0"))
	if err != nil {
		m.t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.FileServer(http.Dir(dir))}}
	server.Start()
	m.t.Cleanup(server.Close)
	return server.URL
}

// definition writes a definition file that fetches a tarball by its sum.
func definition(t *testing.T, name, sum, steps string) string {
	t.Helper()
	// Nobody listens at the URL itself: only the mirror has it.
	text := fmt.Sprintf("install_package %q \"http://127.0.0.1:9/%s.tar.gz#%s\" %s\n", name, name, sum, steps)
	file := filepath.Join(t.TempDir(), "definition")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
