package ruby

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// debian has Ruby 3.1.2 and rbenv as its packages lay them out; its rbenv makes
// a shim for each executable of each version.
func debian(t *testing.T, gems string) (host.Host, *tree.Tree) {
	t.Helper()
	h := host.Host{Root: t.TempDir()}
	h.Run = func(c host.Command) (host.Output, error) {
		switch line := strings.Join(c.Args, " "); {
		case strings.Contains(line, "RUBY_VERSION"):
			return host.Output{Stdout: "3.1.2"}, nil
		case strings.Contains(line, "executables"):
			return host.Output{Stdout: gems}, nil
		case strings.HasSuffix(line, "/bin/rbenv rehash"):
			executables, _ := filepath.Glob(h.Path("/usr/local/rbenv/versions/*/bin/*"))
			for _, file := range executables {
				touch(t, h, "/usr/local/rbenv/shims/"+filepath.Base(file))
			}
			return host.Output{}, nil
		default:
			t.Errorf("runs %s", line)
			return host.Output{Code: 1}, nil
		}
	}
	for _, file := range []string{"/usr/bin/ruby", "/usr/bin/gem", "/usr/bin/irb", "/usr/bin/puma", "/usr/bin/vim", "/usr/lib/rbenv/libexec/rbenv"} {
		touch(t, h, file)
	}
	if err := os.Symlink("../lib/rbenv/libexec/rbenv", h.Path("/usr/bin/rbenv")); err != nil {
		t.Fatal(err)
	}
	self := tree.ID{UID: os.Getuid(), GID: os.Getgid()}
	return h, &tree.Tree{Root: h.Root, Self: self, User: self, Guarded: true}
}

func touch(t *testing.T, h host.Host, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.Path(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.Path(path), nil, 0o755); err != nil {
		t.Fatal(err)
	}
}

func install(t *testing.T, h host.Host, tr *tree.Tree, r blueprint.Ruby, archive string) int {
	t.Helper()
	result, err := Install(h, tr, r, blueprint.User{}, archive)
	if err != nil || len(result.Problems) > 0 {
		t.Fatal(err, result.Problems)
	}
	return len(result.Changes)
}

var system = blueprint.Ruby{Method: blueprint.RubySystem, Version: "3.1.2", Root: "/usr/local/rbenv"}

func TestSystem(t *testing.T) {
	h, tr := debian(t, "irb\nirb\nerb\n../../etc/passwd\n")
	if install(t, h, tr, system, "") == 0 {
		t.Error("no change the first time")
	}
	if diff := cmp.Diff("gem irb ruby", listing(t, h.Path(system.VersionDir()+"/bin"))); diff != "" {
		t.Error(diff)
	}
	if target, err := os.Readlink(h.Path("/usr/local/rbenv/libexec")); target != "/usr/lib/rbenv/libexec" {
		t.Errorf("libexec leads to %q (%v)", target, err)
	}
	// A killed rehash's lock must not stay in the way, nor count.
	touch(t, h, "/usr/local/rbenv/shims/.rbenv-shim")
	if n := install(t, h, tr, system, ""); n != 0 {
		t.Errorf("%d changes the second time", n)
	}
}

// rehash touches its directory even when it changes nothing.
func TestRehashOnlyWhenShimsDiffer(t *testing.T) {
	h, tr := debian(t, "irb\n")
	rehashes := 0
	before := h.Run
	h.Run = func(c host.Command) (host.Output, error) {
		if strings.HasSuffix(strings.Join(c.Args, " "), "rehash") {
			rehashes++
		}
		return before(c)
	}
	for range 2 {
		install(t, h, tr, system, "")
	}
	if rehashes != 1 {
		t.Errorf("%d rehashes for one change", rehashes)
	}
	if err := os.Remove(h.Path("/usr/local/rbenv/shims/irb")); err != nil {
		t.Fatal(err)
	}
	if install(t, h, tr, system, ""); rehashes != 2 {
		t.Error("a missing shim was not made again")
	}
}

// Somebody's `gem install` rehashes, too.
func TestAnotherRehashIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, tr := debian(t, "irb\n")
		other := "/proc/123/cmdline"
		touch(t, h, other)
		if err := os.WriteFile(h.Path(other), []byte("bash\x00/usr/lib/rbenv/libexec/rbenv-rehash\x00"), 0o600); err != nil {
			t.Fatal(err)
		}
		lock := "/usr/local/rbenv/shims/.rbenv-shim"
		touch(t, h, lock)
		if _, err := Install(h, tr, system, blueprint.User{}, ""); err == nil || !strings.Contains(err.Error(), "another `rbenv rehash`") {
			t.Errorf("one that never ends: %v", err)
		}
		if _, err := os.Lstat(h.Path(lock)); err != nil {
			t.Error("its lock was broken", err)
		}
		go func() {
			time.Sleep(time.Second)
			_ = os.Remove(h.Path(lock))
			_ = os.Remove(h.Path(other))
		}()
		if _, err := Install(h, tr, system, blueprint.User{}, ""); err != nil {
			t.Errorf("one that ends in time: %v", err)
		}
	})
}

func TestSystemFollowsItsGems(t *testing.T) {
	h, tr := debian(t, "irb\n")
	install(t, h, tr, system, "")
	before := h.Run
	h.Run = func(c host.Command) (host.Output, error) {
		if strings.Contains(strings.Join(c.Args, " "), "executables") {
			return host.Output{Stdout: "puma\n"}, nil
		}
		return before(c)
	}
	install(t, h, tr, system, "")
	if diff := cmp.Diff("gem puma ruby", listing(t, h.Path(system.VersionDir()+"/bin"))); diff != "" {
		t.Error(diff)
	}
}

func TestSystemOfAnotherVersion(t *testing.T) {
	h, tr := debian(t, "")
	r := system
	r.Version = "3.3.6"
	if _, err := Install(h, tr, r, blueprint.User{}, ""); err == nil || !strings.Contains(err.Error(), `set ruby.version = "3.1.2"`) {
		t.Error(err)
	}
}

func TestClonedRbenvIsKept(t *testing.T) {
	h, tr := debian(t, "")
	touch(t, h, "/usr/local/rbenv/libexec/rbenv")
	install(t, h, tr, system, "")
	if info, err := os.Lstat(h.Path("/usr/local/rbenv/libexec")); err != nil || !info.IsDir() {
		t.Error("libexec was replaced", err)
	}
}

func TestArchive(t *testing.T) {
	h, tr := debian(t, "")
	archive, r := save(t, entry{name: "r/bin/ruby"}, entry{name: "r/bin/gem"})
	if found := Obstacles(h, r, archive); found != nil {
		t.Fatal(found)
	}
	touch(t, h, "/usr/local/rbenv/versions/.deployhost-unpack/left-by-a-killed-run")
	if install(t, h, tr, r, archive) == 0 {
		t.Error("no change the first time")
	}
	if n := install(t, h, tr, r, archive); n != 0 {
		t.Errorf("%d changes the second time", n)
	}
	if diff := cmp.Diff("3.3.6", listing(t, h.Path("/usr/local/rbenv/versions"))); diff != "" {
		t.Error(diff)
	}
	other, r := save(t, entry{name: "bin/ruby"})
	install(t, h, tr, r, other)
	if diff := cmp.Diff("ruby", listing(t, h.Path(r.VersionDir()+"/bin"))); diff != "" {
		t.Error(diff)
	}
}

func TestArchiveObstacles(t *testing.T) {
	h, _ := debian(t, "")
	archive, r := save(t, entry{name: "bin/ruby"})
	wrong := r
	wrong.SHA256 = strings.Repeat("0", 64)
	for _, tt := range []struct {
		r             blueprint.Ruby
		archive, want string
	}{
		{wrong, archive, "not " + wrong.SHA256},
		{r, "", "no archive came"},
		{r, "/nonexistent", "no such file"},
	} {
		if found := Obstacles(h, tt.r, tt.archive); len(found) != 1 || !strings.Contains(found[0], tt.want) {
			t.Errorf("%q, want %q", found, tt.want)
		}
	}
	touch(t, h, r.VersionDir()+"/bin/ruby")
	if found := Obstacles(h, r, archive); len(found) != 1 || !strings.Contains(found[0], "is not replaced") {
		t.Errorf("somebody's own version: %q", found)
	}
}

func save(t *testing.T, entries ...entry) (string, blueprint.Ruby) {
	t.Helper()
	data := pack(t, entries...)
	file := filepath.Join(t.TempDir(), "ruby.tar.gz")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return file, blueprint.Ruby{Method: blueprint.RubyArchive, Version: "3.3.6", Root: "/usr/local/rbenv", SHA256: hex.EncodeToString(sum[:])}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	list, err := names(dir)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}
