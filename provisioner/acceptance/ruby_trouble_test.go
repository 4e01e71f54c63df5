//go:build acceptance && rubybuild && linux

package acceptance

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// quick is a source that ruby-build takes for Ruby's, and that takes no time:
// what it installs borrows the distribution's interpreter.
type quick struct {
	version, sum string
	// mirror is a directory with the source.
	mirror string
}

const quickConfigure = `#!/bin/sh
for option; do case $option in --prefix=*) prefix=${option#--prefix=} ;; esac; done
sed "s|@PREFIX@|$prefix|" Makefile.in >Makefile
`

// What the machine has in /srv/trouble makes it slow, too big, or no Ruby.
const quickMakefile = `all:
	@echo compiling everything
	if [ -e /srv/trouble/slow ]; then touch /srv/trouble/compiling; while [ -e /srv/trouble/slow ]; do sleep 0.1; done; fi
	if [ -e /srv/trouble/big ]; then head -c 8000000 /dev/zero >big; fi
install:
	mkdir -p @PREFIX@/bin
	for name in ruby gem; do printf '#!/bin/sh\nexec /usr/bin/%s "$$@"\n' $$name >@PREFIX@/bin/$$name; done
	if [ -e /srv/trouble/broken ]; then printf '#!/bin/sh\necho "libyaml.so: cannot open" >&2; exit 1\n' >@PREFIX@/bin/ruby; fi
	chmod 755 @PREFIX@/bin/*
`

func quickSource(t *testing.T, version string) quick {
	t.Helper()
	var data bytes.Buffer
	zip := gzip.NewWriter(&data)
	out := tar.NewWriter(zip)
	for name, text := range map[string]string{"configure": quickConfigure, "Makefile.in": quickMakefile} {
		if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "ruby-quick/" + name, Mode: 0o755, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(out.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data.Bytes())
	q := quick{version: version, sum: hex.EncodeToString(sum[:]), mirror: t.TempDir()}
	if err := os.WriteFile(filepath.Join(q.mirror, q.sum), data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return q
}

// bootQuick boots a machine on which a quick Ruby can be built from the
// distribution's rbenv and ruby-build.
func bootQuick(t *testing.T, name string) (*machine, quick, variables) {
	t.Helper()
	m := boot(t, testmachine.RootOptions{Name: name, Lower: theRubySources(t).ready})
	m.root("mkdir", "/srv/trouble")
	// A name of its own, after the version that it borrows.
	q := quickSource(t, m.root("/usr/bin/ruby", "-e", "print RUBY_VERSION")+"-quick")
	return m, q, quickVars(t, m, q)
}

func quickVars(t *testing.T, m *machine, q quick) variables {
	t.Helper()
	return variables{
		"versions": list(q.version), "definition": definition(t, "ruby-quick", q.sum, "standard"),
		"mirror": m.serve(q.mirror), "cache_dir": filepath.Join(t.TempDir(), "with a space"),
	}
}

func with(vars variables, pairs ...string) variables {
	all := variables{}
	for name, value := range vars {
		all[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

// lists wants rbenv to list these versions and nothing to be left of others.
func (m *machine) lists(versions ...string) {
	m.t.Helper()
	if have := strings.Fields(m.root("ls", "-A", rbenvRoot+"/versions")); fmt.Sprint(have) != fmt.Sprint(versions) {
		m.t.Errorf("in versions: %q, not %q", have, versions)
	}
	m.absent(rbenvRoot+"/.deployhost-stage", rbenvRoot+"/shims/.rbenv-shim")
	m.nothingLeft()
}

// TestBuiltRubyTroubleEndsInASentence has each build fail in its own way, on one
// machine, where the next one finds nothing of it.
func TestBuiltRubyTroubleEndsInASentence(t *testing.T) {
	t.Parallel()
	m, q, vars := bootQuick(t, "ruby-trouble")
	wrong := t.TempDir()
	if err := os.WriteFile(filepath.Join(wrong, q.sum), []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	commits := theRubySources(t).commits
	for _, tt := range []struct {
		name    string
		trouble string
		vars    variables
		says    string
	}{
		{name: "unknown version", vars: with(vars, "versions", list("9.9.9"), "definition", ""), says: "ruby-build knows no Ruby 9.9.9"},
		{name: "wrong sha256", vars: with(vars, "mirror", m.serve(wrong)), says: "another SHA-256 than the definition says"},
		{name: "no network", vars: with(vars, "mirror", "http://127.0.0.1:9"), says: "look at this host's network, resolver and proxy"},
		{name: "old ruby-build", vars: with(vars, "tarball", "http://127.0.0.1:9/x.tar.gz#"+q.sum), says: "this ruby-build is too old for ruby.tarball"},
		{name: "moved ref", vars: with(vars, "commits", list(commits[0], commits[0])), says: "so somebody has moved it"},
		{name: "does not run", trouble: "broken", vars: vars, says: "cannot open"},
		{name: "another Ruby", vars: with(vars, "versions", list("1.2.3")), says: "is really"},
		{name: "disk full", trouble: "big", vars: vars, says: "the disk is full"},
	} {
		if tt.trouble != "" {
			m.root("touch", "/srv/trouble/"+tt.trouble)
		}
		if tt.trouble == "big" {
			m.root("mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", rbenvRoot)
		}
		run, err := packerBuild(shared.ctx, rubyTemplate, m.Addr(), tt.vars)
		if err != nil {
			t.Fatal(err)
		}
		if run.Err == nil || !strings.Contains(run.Said, tt.says) {
			t.Errorf("%s: nobody reads %q:\n%s", tt.name, tt.says, run.Said)
		}
		m.lists()
		if tt.trouble != "" {
			m.root("rm", "/srv/trouble/"+tt.trouble)
		}
		if tt.trouble == "big" {
			m.root("umount", rbenvRoot)
		}
	}
	// The lock of a rehash that was killed is no trouble at all.
	m.root("sh", "-c", "mkdir -p "+rbenvRoot+"/shims && touch "+rbenvRoot+"/shims/.rbenv-shim")
	mustBuild(t, rubyTemplate, m.Addr(), vars)
	m.lists(q.version)
	m.waitsForAnotherRehash(vars)
	m.lists(q.version)
}

// waitsForAnotherRehash has one at work, with its lock, when a bake comes to its own.
func (m *machine) waitsForAnotherRehash(vars variables) {
	m.t.Helper()
	const lock, ended = rbenvRoot + "/shims/.rbenv-shim", "/srv/rehash-ended"
	m.root("sh", "-c", `touch "$1"; printf 'sleep 8; touch "%s"; rm "%s"' "$2" "$1" >/srv/rbenv-rehash`, "rehash", lock, ended)
	m.root("systemd-run", "--quiet", "sh", "/srv/rbenv-rehash")
	mustBuild(m.t, rubyTemplate, m.Addr(), vars)
	m.root("test", "-e", ended)
	m.absent(lock)
}

// TestBuiltRubyInterruptedLeavesNothing interrupts Packer, as Ctrl-C does, and then
// kills the host tool, each in the middle of a compilation.
func TestBuiltRubyInterruptedLeavesNothing(t *testing.T) {
	t.Parallel()
	m, q, vars := bootQuick(t, "ruby-interrupted")
	for name, end := range map[string]func(packer func() error){
		"interrupted": func(packer func() error) {
			if err := packer(); err != nil {
				t.Fatal(err)
			}
		},
		"killed": func(func() error) { m.root("pkill", "-KILL", "--full", "^/run/deployhost.*apply") },
	} {
		m.root("touch", "/srv/trouble/slow")
		all := bakeVars(m.Addr())
		for name, value := range vars {
			all[name] = value
		}
		cmd := packerCommand(shared.ctx, t.TempDir(), "build", rubyTemplate, all, "-color=false")
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, time.Minute, func() error {
			if !m.has("/srv/trouble/compiling") {
				return errors.New("nothing is being compiled yet")
			}
			return nil
		})
		if have := m.root("ls", "-A", rbenvRoot+"/versions"); have != "" {
			t.Errorf("%s: rbenv would list what is being compiled: %s", name, have)
		}
		end(func() error { return interrupt(cmd) })
		if err := cmd.Wait(); err == nil {
			t.Errorf("%s: packer build succeeded:\n%s", name, &said)
		}
		eventually(t, time.Minute, func() error {
			if running := m.processes("ruby-build|make|deployhost.* apply"); running != "" {
				return errors.New("still running:\n" + running)
			}
			return nil
		})
		if have := m.root("ls", "-A", rbenvRoot+"/versions"); have != "" {
			t.Errorf("%s: rbenv would list a half version: %s", name, have)
		}
		m.root("rm", "-f", "/srv/trouble/slow", "/srv/trouble/compiling")
	}
	mustBuild(t, rubyTemplate, m.Addr(), vars)
	m.lists(q.version)
}

// has tells whether the machine has a file.
func (m *machine) has(path string) bool {
	_, err := os.Lstat(filepath.Join(m.RootDir(), path))
	return err == nil
}

// TestBuiltRubyCacheRefusesWhatItCannotTrust gives each build on one machine a
// cache that was spoilt in its own way, and wants it whole again.
func TestBuiltRubyCacheRefusesWhatItCannotTrust(t *testing.T) {
	t.Parallel()
	m, q, vars := bootQuick(t, "ruby-cache")
	build := func(how string, vars variables) string {
		t.Helper()
		m.root("rm", "-rf", rbenvRoot+"/versions/"+q.version)
		mustBuild(t, rubyTemplate, m.Addr(), vars)
		m.lists(q.version)
		if s := m.stamp(q.version); s.How != how {
			t.Errorf("%s, not %s", s.How, how)
		}
		kept, err := filepath.Glob(vars["cache_dir"] + "/ruby-*.rubypack")
		if err != nil || len(kept) != 1 {
			t.Fatalf("the cache holds %q (%v)", kept, err)
		}
		return kept[0]
	}
	file := build("built", vars)
	build("restored", vars)
	build("built", with(vars, "cache", "refresh"))
	build("restored", vars)

	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-9] ^= 1
	for name, spoil := range map[string]func() error{
		"damaged":     func() error { return os.WriteFile(file, damaged, 0o600) },
		"cut off":     func() error { return os.Truncate(file, int64(len(whole)/2)) },
		"of somebody": func() error { return os.Chown(file, 12345, 12345) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		build("built", vars)
		build("restored", vars)
	}
	// Under another Ruby's name it is refused, and the other one is compiled.
	foreign := filepath.Join(filepath.Dir(file), "ruby-"+q.version+"-"+strings.Repeat("0", 64)+".rubypack")
	if err := os.Rename(file, foreign); err != nil {
		t.Fatal(err)
	}
	m.root("rm", "-rf", rbenvRoot+"/versions/"+q.version)
	mustBuild(t, rubyTemplate, m.Addr(), vars)
	if s := m.stamp(q.version); s.How != "built" {
		t.Errorf("a foreign entry was %s", s.How)
	}
}

// TestBuiltRubiesForTheDeployUser has two versions that are the user's own.
func TestBuiltRubiesForTheDeployUser(t *testing.T) {
	t.Parallel()
	m, q, vars := bootQuick(t, "ruby-several")
	second := strings.TrimSuffix(q.version, "quick") + "second"
	// Only the first one has the definition of the template.
	text, err := os.ReadFile(vars["definition"])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.RootDir(), "usr/share/ruby-build", second), text, 0o644); err != nil {
		t.Fatal(err)
	}
	vars = with(vars, "versions", list(q.version, second), "writable", "true")
	mustBuild(t, rubyTemplate, m.Addr(), vars)
	m.root("deployhost", "verify")
	m.lists(q.version, second)
	rbenv := "RBENV_ROOT=" + rbenvRoot + " " + rbenvRoot + "/bin/rbenv "
	if global := m.deploy(rbenv + "global"); global != q.version {
		t.Errorf("the global version is %s", global)
	}
	m.deploy("touch " + rbenvRoot + "/versions/" + second + "/bin/mine && chmod +x " + rbenvRoot + "/versions/" + second + "/bin/mine && " + rbenv + "rehash")
	if shims := m.root("ls", rbenvRoot+"/shims"); !strings.Contains(shims, "mine") {
		t.Errorf("no shim for what the user has installed:\n%s", shims)
	}

	again := boot(t, testmachine.RootOptions{Name: "ruby-several-again", Lower: theRubySources(t).ready})
	if run := mustBuild(t, rubyTemplate, again.Addr(), vars); run.Sessions != 5 {
		t.Errorf("%d SSH sessions to restore two Rubies, not 5", run.Sessions)
	}
	again.lists(q.version, second)
}
