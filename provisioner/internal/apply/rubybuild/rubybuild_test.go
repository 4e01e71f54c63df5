package rubybuild

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// bench is a Site on a directory, where ruby-build takes no time.
type bench struct {
	*Site
	t *testing.T
	// ran are the programs that were run, and said the events.
	ran  []string
	said bytes.Buffer
	// compile plays ruby-build for a staged version; nil makes a Ruby.
	compile func(c host.Command, staged string) host.Output
	// prints is what the Ruby says of itself when it is proven.
	prints string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	self := tree.ID{UID: os.Getuid(), GID: os.Getgid()}
	b := &bench{t: t, prints: "3.3.6"}
	h := host.Host{Root: t.TempDir(), Run: func(c host.Command) (host.Output, error) { return b.run(c) }}
	b.Site = &Site{
		Host: h, Tree: &tree.Tree{Root: h.Root, Self: self, User: self, Guarded: true},
		Ruby:   blueprint.Ruby{Method: blueprint.RubyBuilt, Version: "3.3.6", Root: "/usr/local/rbenv", Build: &blueprint.RubyBuild{}},
		User:   blueprint.User{Name: "deploy", UID: 2000, GID: 2000, Home: "/home/deploy"},
		Events: event.NewWriter(&b.said, ""),
	}
	b.put("/usr/lib/rbenv/libexec/rbenv", "")
	b.put("/usr/bin/ruby-build", "#!/bin/sh")
	b.put("/etc/os-release", "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\n")
	if err := os.Symlink("../lib/rbenv/libexec/rbenv", h.Path("/usr/bin/rbenv")); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) put(path, text string) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.path(path)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.path(path), []byte(text), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) run(c host.Command) (host.Output, error) {
	line := strings.Join(c.Args, " ")
	b.ran = append(b.ran, line)
	switch {
	case line == "getconf GNU_LIBC_VERSION":
		return host.Output{Stdout: "glibc 2.36\n"}, nil
	case line == "/usr/bin/ruby-build --definitions":
		return host.Output{Stdout: "3.2.6\n3.3.6\n3.3.7\n"}, nil
	case strings.HasPrefix(line, "/usr/bin/ruby-build"):
		version := filepath.Base(c.Args[2])
		if b.compile != nil {
			return b.compile(c, b.staged(version)), nil
		}
		b.put(b.staged(version)+"/bin/ruby", "ruby")
		return host.Output{}, nil
	case strings.HasSuffix(line, "/bin/rbenv rehash"):
		b.put("/usr/local/rbenv/shims/ruby", "")
		return host.Output{}, nil
	case strings.HasPrefix(line, "dpkg-query --show --showformat ${db:Status-Abbrev}\t"):
		var all strings.Builder
		for _, name := range c.Args[5:] {
			all.WriteString("ii \t" + name + "\tamd64\n")
		}
		return host.Output{Stdout: all.String()}, nil
	case strings.HasPrefix(line, "ldd "):
		return host.Output{Code: 1, Stdout: "\tlibssl.so.3 => /lib/x86_64-linux-gnu/libssl.so.3 (0x7)\n"}, nil
	case strings.HasPrefix(line, "dpkg-query --search"):
		return host.Output{Code: 1, Stdout: "libssl3:amd64: /usr/lib/x86_64-linux-gnu/libssl.so.3\n"}, nil
	case strings.Contains(line, " exec ruby "):
		if c.As == nil || c.As.UID != 2000 {
			b.t.Errorf("the proof is not the deploy user's: %+v", c.As)
		}
		return host.Output{Stdout: b.prints}, nil
	}
	return host.Output{Stdout: "1\n"}, nil // true, cc, gem, dpkg-query of one version
}

func (b *bench) compiled() int {
	n := 0
	for _, line := range b.ran {
		if strings.HasPrefix(line, "/usr/bin/ruby-build") && !strings.HasSuffix(line, "--definitions") {
			n++
		}
	}
	return n
}

func (b *bench) versionsLeft(want string) {
	b.t.Helper()
	if _, err := os.Lstat(b.path(b.stage(""))); !errors.Is(err, fs.ErrNotExist) {
		b.t.Error("the stage is left", err)
	}
	var names []string
	entries, _ := os.ReadDir(b.path(b.versions()))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if have := strings.Join(names, " "); have != want {
		b.t.Errorf("versions: %q, want %q", have, want)
	}
}

func (b *bench) install() error {
	b.t.Helper()
	result, err := b.Install(b.t.Context())
	if len(result.Problems) > 0 {
		b.t.Fatal(result.Problems)
	}
	return err
}

func TestBuildAndAgain(t *testing.T) {
	b := newBench(t)
	b.put(b.stage("/versions/3.3.6/left-by-a-killed-run"), "")
	for range 2 {
		if err := b.install(); err != nil {
			t.Fatal(err)
		}
		b.versionsLeft("3.3.6")
	}
	if b.compiled() != 1 {
		t.Errorf("compiled %d times", b.compiled())
	}
	st, err := readStamp(b.Host, b.Ruby.VersionDir())
	if err != nil || st.How != built || !slices.Equal(st.Packages, []string{"libssl3:amd64"}) {
		t.Errorf("%+v %v", st, err)
	}
	b.Ruby.Build.CFlags = "-O1"
	if err := b.install(); err != nil || b.compiled() != 2 {
		t.Error("other flags did not make another Ruby", err)
	}
	b.versionsLeft("3.3.6")
}

func TestFailuresLeaveNothing(t *testing.T) {
	fails := func(text string) func(host.Command, string) host.Output {
		return func(c host.Command, _ string) host.Output {
			_, _ = c.Log.WriteString(text + "\n")
			return host.Output{Code: 1}
		}
	}
	for name, tt := range map[string]struct {
		compile func(host.Command, string) host.Output
		want    string
	}{
		"no network":     {fails("curl: (6) Could not resolve host: cache.ruby-lang.org\nerror: failed to download ruby-3.3.6.tar.gz"), "network, resolver and proxy"},
		"wrong checksum": {fails("checksum mismatch: ruby-3.3.6.tar.gz (file is corrupt)\nerror: failed to download"), "another SHA-256"},
		"disk full":      {fails("cc1: error: No space left on device"), "larger disk"},
		"anything":       {fails("make: *** [all] Error 2"), "make: *** [all] Error 2"},
		"another Ruby":   {nil, "is really 3.1.2"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.compile = tt.compile
			if tt.compile == nil {
				b.prints = "3.1.2"
			}
			err := b.install()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			b.versionsLeft("")
			if _, err := os.Stat(b.path(logDir + "/ruby-3.3.6.log")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnknownVersion(t *testing.T) {
	for version, near := range map[string]string{"3.3.9": "but 3.3.6, 3.3.7: is", "4.0.0": "but none of 4.0.*: is"} {
		b := newBench(t)
		b.Ruby.Version = version
		if err := b.install(); err == nil || !strings.Contains(err.Error(), "knows no Ruby "+version+", "+near) {
			t.Error(err)
		}
		if b.compiled() > 0 {
			t.Error("tries to build it")
		}
		b.versionsLeft("")
		// A definition file of one's own needs no other.
		b.Ruby.Build.Definition = "install_package"
		b.prints = version
		if err := b.install(); err != nil {
			t.Error(err)
		}
	}
}

func TestCancelEndsTheBuild(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.compile = func(c host.Command, _ string) host.Output {
		cancel()
		<-c.Stop
		return host.Output{Code: -1}
	}
	if _, err := b.Install(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	b.versionsLeft("")
}

// Where nobody may mount, a link shows the version to its own build.
func TestWithoutARoom(t *testing.T) {
	b := newBench(t)
	inner := b.Host.Run
	b.Host.Run = func(c host.Command) (host.Output, error) {
		if c.Room != nil {
			return host.Output{}, fs.ErrPermission
		}
		return inner(c)
	}
	seen := false
	b.compile = func(_ host.Command, staged string) host.Output {
		target, err := os.Readlink(b.path(b.Ruby.VersionDir()))
		seen = err == nil && target == staged
		b.put(staged+"/bin/ruby", "ruby")
		return host.Output{}
	}
	if err := b.install(); err != nil || !seen {
		t.Error(err, seen)
	}
	b.versionsLeft("3.3.6")
	if info, err := os.Lstat(b.path(b.Ruby.VersionDir())); err != nil || !info.IsDir() {
		t.Error("the version is no directory", err)
	}
	// A killed build's link goes with the next run, whatever becomes of that.
	b.Ruby.Version = "3.3.7"
	if err := os.Symlink(b.staged("3.3.7"), b.path(b.Ruby.VersionDir())); err != nil {
		t.Fatal(err)
	}
	b.compile = func(host.Command, string) host.Output { return host.Output{Code: 1} }
	if err := b.install(); err == nil {
		t.Error("no error")
	}
	b.versionsLeft("3.3.6")
}

func TestCompilersOfAKilledRunAreEnded(t *testing.T) {
	b := newBench(t)
	if err := os.Symlink("/proc", b.path("/proc")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(b.path(b.stage("/tmp")), 0o755); err != nil {
		t.Fatal(err)
	}
	left := exec.Command("sleep", "600")
	left.Dir = b.path(b.stage("/tmp"))
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	if err := b.tidy(); err != nil {
		t.Error(err)
	}
	if err := left.Wait(); err == nil {
		t.Error("it ended by itself")
	}
}

func TestForeignVersionIsNotReplaced(t *testing.T) {
	b := newBench(t)
	if found := Obstacles(b.Host, b.Ruby); found != nil {
		t.Error(found)
	}
	b.put(b.Ruby.VersionDir()+"/bin/ruby", "")
	if found := Obstacles(b.Host, b.Ruby); len(found) != 1 || !strings.Contains(found[0], "is not replaced") {
		t.Error(found)
	}
}

// cached lets one bench build and offers what it sends back to another.
func cached(t *testing.T, spoil func(pack []byte)) *bench {
	t.Helper()
	first := newBench(t)
	first.Cache.Keep = true
	if err := first.install(); err != nil {
		t.Fatal(err)
	}
	var pack []byte
	var key string
	for line := range strings.Lines(first.said.String()) {
		if e, ok := event.Parse(line); ok && e.Type == event.Data {
			pack, key = append(pack, e.Data...), e.Key
		}
	}
	second := newBench(t)
	upload := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(upload, pack, 0o600); err != nil {
		t.Fatal(err)
	}
	whole, err := rubypack.Open(upload)
	if err != nil {
		t.Fatal(err)
	}
	if err := whole.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(pack)
	if err := os.WriteFile(upload, pack, 0o600); err != nil {
		t.Fatal(err)
	}
	second.Cache = Cache{
		Offers: []rubypack.Offer{{Key: key, SHA256: whole.SHA256, Size: whole.Size}},
		Upload: func(string) string { return upload },
	}
	return second
}

func TestRestore(t *testing.T) {
	b := cached(t, func([]byte) {})
	if err := b.install(); err != nil {
		t.Fatal(err)
	}
	st, err := readStamp(b.Host, b.Ruby.VersionDir())
	if err != nil || st.How != restored || b.compiled() != 0 {
		t.Errorf("%s, compiled %d times (%v)", st.How, b.compiled(), err)
	}
	b.versionsLeft("3.3.6")
	if slices.ContainsFunc(b.ran, func(line string) bool { return strings.Contains(line, "build-essential") }) {
		t.Errorf("asks for a compiler:\n%s", strings.Join(b.ran, "\n"))
	}
}

func TestWhatCannotBeRestoredIsCompiled(t *testing.T) {
	b := cached(t, func([]byte) {})
	b.prints = "" // the first proof fails, as with a library that is not there
	proofs := 0
	inner := b.Host.Run
	b.Host.Run = func(c host.Command) (host.Output, error) {
		out, err := inner(c)
		if strings.Contains(strings.Join(c.Args, " "), " exec ruby ") {
			if proofs++; proofs > 1 {
				out.Stdout = "3.3.6"
			} else {
				out = host.Output{Code: 1, Text: "libyaml-0.so.2: cannot open shared object file"}
			}
		}
		return out, err
	}
	if err := b.install(); err != nil {
		t.Fatal(err)
	}
	st, _ := readStamp(b.Host, b.Ruby.VersionDir())
	if st.How != built || !strings.Contains(b.said.String(), "cannot open shared object") {
		t.Errorf("%s; people read %s", st.How, b.said.String())
	}
	b.versionsLeft("3.3.6")
}

func TestOtherOffersAreNotAskedFor(t *testing.T) {
	b := cached(t, func([]byte) {})
	b.Ruby.Build.Jemalloc = true
	if err := b.install(); err != nil {
		t.Fatal(err)
	}
	if b.compiled() != 1 || strings.Contains(b.said.String(), `"want"`) {
		t.Errorf("compiled %d times, said %s", b.compiled(), b.said.String())
	}
}

func TestRelations(t *testing.T) {
	got := relations("libc6 (>= 2.34), debconf (>= 0.5) | debconf-2.0, python3:any")
	if diff := cmp.Diff([]string{"libc6", "debconf", "debconf-2.0", "python3"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestResolvedLibraries(t *testing.T) {
	text := "/usr/local/rbenv/versions/3/bin/ruby:\n\tlinux-vdso.so.1 (0x7ffc)\n\tlibruby.so.3 => /usr/local/rbenv/versions/3/lib/libruby.so.3 (0x7f)\n" +
		"\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x7f)\n\t/lib64/ld-linux-x86-64.so.2 (0x7f)\n\tgone.so => not found\n"
	want := []string{"/lib/x86_64-linux-gnu/libz.so.1", "/usr/lib/x86_64-linux-gnu/libz.so.1"}
	if diff := cmp.Diff(want, resolved(text, "/usr/local/rbenv/versions")); diff != "" {
		t.Error(diff)
	}
}

func TestProgressIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.compile = func(c host.Command, staged string) host.Output {
			_, _ = c.Log.WriteString("Installing ruby-3.3.6...\n")
			b.put(b.stage("/tmp/ruby-build.1.log"), "compiling vm.c\n")
			time.Sleep(2*tellEvery + time.Second)
			b.put(staged+"/bin/ruby", "ruby")
			return host.Output{}
		}
		if err := b.install(); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Ruby 3.3.6: Installing ruby-3.3.6, 15 s: compiling vm.c", "Ruby 3.3.6: Installing ruby-3.3.6, 30 s: compiling vm.c", "Ruby 3.3.6: built in 31.0 s"} {
			if !strings.Contains(b.said.String(), want) {
				t.Errorf("nobody reads %q:\n%s", want, b.said.String())
			}
		}
	})
}
