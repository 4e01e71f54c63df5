//go:build acceptance && rubybuild && linux

package acceptance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	rubyTemplate = "testdata/templates/ruby"
	rbenvRoot    = "/usr/local/rbenv"
	// rubyFlags are Ruby's own, written out.
	rubyFlags = "-O3 -ggdb3"
)

// theStamp is what a version says of where it came from.
type theStamp struct {
	Key      string   `json:"key"`
	How      string   `json:"how"`
	Seconds  float64  `json:"seconds"`
	Packages []string `json:"packages"`
}

func (m *machine) stamp(version string) theStamp {
	m.t.Helper()
	var s theStamp
	text, err := os.ReadFile(filepath.Join(m.RootDir(), rbenvRoot, "versions", version, ".deployhost-ruby.json"))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// TestBuiltRubyIsNeverBuiltTwice compiles a real Ruby from real source with a real
// ruby-build, and lets a second, stock machine have it back. Only manual pages
// are left out, to be done sooner.
func TestBuiltRubyIsNeverBuiltTwice(t *testing.T) {
	src := theRubySources(t)
	cache := t.TempDir()
	vars := variables{
		"versions": list(src.version), "definition": definition(t, "ruby-"+src.version, src.sum, "ldflags_dirs enable_shared standard verify_openssl"),
		"commits": list(src.commits[:]...), "cache_dir": cache, "build_dependencies": "remove",
		"cflags": rubyFlags, "jemalloc": "true", "yjit": "true", "bundler": "2.99.9", "gems": list("greeter:1.0.0"),
	}
	first := boot(t, testmachine.RootOptions{Name: "ruby-first", Lower: src.plain})
	vars["mirror"] = first.serve(src.mirror)
	vars["gem_source"] = vars["mirror"] + "/rubygems"
	run := mustBuild(t, rubyTemplate, first.Addr(), vars)
	if run.Sessions != 3 {
		t.Errorf("%d SSH sessions to compile and to fetch, not 3", run.Sessions)
	}
	peopleRead(t, run, "Ruby "+src.version+`: .*, \d+ s: \S`, "Ruby "+src.version+`: built in \d`, `Ruby cache: [0-9.]+ MiB`)
	first.rubyServes(src.version)
	compiled := first.stamp(src.version)
	if compiled.How != "built" {
		t.Errorf("the first Ruby was %s", compiled.How)
	}
	kept, err := filepath.Glob(cache + "/ruby-*.rubypack")
	if err != nil || len(kept) != 1 {
		t.Fatalf("the cache holds %q (%v)", kept, err)
	}
	before, err := readTree(first.RootDir(), settled)
	if err != nil {
		t.Fatal(err)
	}
	mustBuild(t, rubyTemplate, first.Addr(), vars)
	after, err := readTree(first.RootDir(), settled)
	if err != nil {
		t.Fatal(err)
	}
	if changed := before.changes(after); len(changed) > 0 {
		t.Errorf("the second run changed %q", changed)
	}

	second := boot(t, testmachine.RootOptions{Name: "ruby-second", Lower: src.plain})
	run = mustBuild(t, rubyTemplate, second.Addr(), vars)
	if run.Sessions != 4 {
		t.Errorf("%d SSH sessions to restore one Ruby, not 4", run.Sessions)
	}
	peopleRead(t, run, "Ruby "+src.version+`: restored in \d`)
	second.rubyServes(src.version)
	back := second.stamp(src.version)
	if back.How != "restored" || back.Key != compiled.Key {
		t.Errorf("the second Ruby was %s, with the key %s instead of %s", back.How, back.Key, compiled.Key)
	}
	if one, two := first.sums(src.version), second.sums(src.version); one != two || len(one) < 1000 {
		t.Errorf("the restored Ruby is another one:\n%.500s\nand\n%.500s", one, two)
	}
	info, err := os.Stat(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	figure("ruby.compile_s", compiled.Seconds, "s")
	figure("ruby.restore_s", back.Seconds, "s")
	figure("ruby.restore_speedup", compiled.Seconds/back.Seconds, "x")
	figure("ruby.cache_mib", float64(info.Size())/(1<<20), "MiB")
	if compiled.Seconds < 20*back.Seconds {
		t.Errorf("compiled in %.1f s, restored in %.1f s: that is less than 20 times faster", compiled.Seconds, back.Seconds)
	}
}

// peopleRead wants what a build has told, which is all that they see of it for
// minutes.
func peopleRead(t *testing.T, run packerRun, expressions ...string) {
	t.Helper()
	for _, text := range expressions {
		if !regexp.MustCompile(text).MatchString(run.Said) {
			t.Errorf("nobody reads %q:\n%s", text, run.Said)
		}
	}
}

// sums are all files of a version but for its stamp, which tells what differs.
func (m *machine) sums(version string) string {
	m.t.Helper()
	return m.root("sh", "-c", "cd "+rbenvRoot+"/versions/"+version+" && find . -type f ! -name .deployhost-ruby.json -exec sha256sum {} + | sort -k2; find . -type l -printf '%p %l\\n' | sort")
}

// rubyServes wants the layout that other tools rely on, for the deploy user,
// however the user comes.
func (m *machine) rubyServes(version string) {
	m.t.Helper()
	m.root("deployhost", "verify")
	m.nothingLeft()
	if left := m.root("ls", "-A", rbenvRoot+"/versions"); left != version {
		m.t.Errorf("in versions: %s", left)
	}
	if foreign := m.root("find", rbenvRoot, "(", "!", "-user", "root", "-o", "-perm", "/022", ")", "!", "-type", "l"); foreign != "" {
		m.t.Errorf("not root's alone:\n%s", foreign)
	}
	const libraries = "ruby -ropenssl -rpsych -rfiddle -rzlib -e 'puts RUBY_VERSION + RbConfig.ruby'"
	want := version + rbenvRoot + "/versions/" + version + "/bin/ruby"
	for name, said := range map[string]string{
		"ssh, as capistrano-rbenv's :system": m.deploy("RBENV_ROOT=" + rbenvRoot + " RBENV_VERSION=" + version + " " + rbenvRoot + "/bin/rbenv exec " + libraries),
		"ssh, by shim":                       m.deploy(rbenvRoot + "/shims/" + libraries),
		"login shell":                        m.deploy(`bash -lc "rbenv exec ` + strings.ReplaceAll(libraries, `"`, `\"`) + `"`),
		"unit": m.root("systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--uid=deploy", "--setenv=RBENV_ROOT="+rbenvRoot,
			rbenvRoot+"/bin/rbenv", "exec", "ruby", "-ropenssl", "-e", "puts RUBY_VERSION + RbConfig.ruby"),
	} {
		if said != want {
			m.t.Errorf("%s: Ruby is %q, not %q", name, said, want)
		}
	}
	for program, says := range map[string]string{
		"greet": "greeter 1.0.0", "bundle": "bundler 2.99.9", "ruby --yjit -e 'p RubyVM::YJIT.enabled?'": "true",
		"ruby -e 'puts RbConfig::CONFIG[%q(CFLAGS)].include?(%q(" + rubyFlags + "))'": "true",
	} {
		if said := m.deploy(rbenvRoot + "/shims/" + program); said != says {
			m.t.Errorf("%s says %q, not %q", program, said, says)
		}
	}
	// What the compiler needed is gone, or never came; what Ruby links to stays.
	m.absent("/usr/bin/gcc", "/usr/include/jemalloc", rbenvRoot+"/plugins")
	m.root("dpkg", "--status", "libjemalloc2")
	if out := m.deploy("[ -d " + rbenvRoot + "/versions/" + version + " ] && echo found"); out != "found" {
		m.t.Error("capistrano-rbenv would not find it")
	}
}

// list is a variable of type list(string).
func list(texts ...string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = fmt.Sprintf("%q", text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
