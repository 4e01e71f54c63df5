package lint

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata and docs/lint.md")

// section is a file of a case, "" when it has none.
func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func decode[T any](t *testing.T, text string) (out T) {
	t.Helper()
	if text == "" {
		return out
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// lintCase lints all of a case: user/ is one set, each of system/ and monit/
// stands alone.
func lintCase(t *testing.T, a *txtar.Archive) []Finding {
	t.Helper()
	facts := decode[Facts](t, section(a, "facts.json"))
	known := decode[Known](t, section(a, "known.json"))
	var user []Source
	var out []Finding
	for _, f := range a.Files {
		switch dir, _, _ := strings.Cut(f.Name, "/"); dir {
		case "user":
			user = append(user, Source{f.Name, f.Data, facts})
		case "system":
			out = append(out, SystemUnit(Source{f.Name, f.Data, facts})...)
		case "monit":
			out = append(out, Monit(f.Name, f.Data, known)...)
		case "facts.json", "known.json", "want", "verify":
		default:
			t.Fatalf("%s: a case's files are below user/, system/ or monit/", f.Name)
		}
	}
	return append(Units(user), out...)
}

func brief(findings []Finding) string {
	var out strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&out, "%s:%d: %s: %s\n", f.File, f.Line, f.Rule.ID, f.Text)
	}
	return out.String()
}

// TestRules wants two cases of every rule: bad.txtar, which breaks it and tells
// every finding below "want", and good.txtar, which is close and has none.
func TestRules(t *testing.T) {
	seen, tried := map[string]bool{}, 0
	for _, r := range Rules() {
		if seen[r.ID] {
			t.Errorf("rule %s comes twice", r.ID)
		}
		seen[r.ID] = true
		t.Run(r.ID, func(t *testing.T) {
			testBad(t, r, filepath.Join("testdata", r.ID, "bad.txtar"))
			good, err := txtar.ParseFile(filepath.Join("testdata", r.ID, "good.txtar"))
			if err != nil {
				t.Fatal(err)
			}
			if got := brief(lintCase(t, good)); got != "" {
				t.Errorf("good.txtar has findings:\n%s", got)
			}
			tried += 2
		})
	}
	dirs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !seen[d.Name()] && d.Name() != "fuzz" {
			t.Errorf("testdata/%s belongs to no rule", d.Name())
		}
	}
	// `make test` shows these.
	t.Logf("figure lint.rules %d count", len(Rules()))
	t.Logf("figure lint.cases %d count", tried)
}

func testBad(t *testing.T, r Rule, name string) {
	t.Helper()
	bad, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	findings := lintCase(t, bad)
	got := brief(findings)
	if !strings.Contains(got, ": "+r.ID+": ") {
		t.Errorf("bad.txtar does not break the rule; findings:\n%s", got)
	}
	if *update {
		rewrite(t, name, bad, "want", got)
	} else if diff := cmp.Diff(section(bad, "want"), got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	for _, f := range findings {
		if lines := strings.Count(section(bad, f.File), "\n"); f.Line < 1 || f.Line > lines {
			t.Errorf("%s is not within the file's %d lines", f, lines)
		}
	}
}

func rewrite(t *testing.T, name string, a *txtar.Archive, which, text string) {
	t.Helper()
	found := false
	for i, f := range a.Files {
		if f.Name == which {
			a.Files[i].Data, found = []byte(text), true
		}
	}
	if !found {
		a.Files = append(a.Files, txtar.File{Name: which, Data: []byte(text)})
	}
	if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A finding goes to logs and screens: it must not hold what it warns of.
func TestNoFindingShowsAValue(t *testing.T) {
	unit := []byte("[Service]\nEnvironment=\"PASSWORD=hunter2%40\" \"URL=postgres://a:hunter2@h/?x=1\" 'hunter2'\n" +
		"ExecStart=/bin/true --token=hunter2 postgres://a:hunter2@h/?x=1\nSetCredential=key:hunter2\n")
	findings := Unit(Source{Name: "a.service", Text: unit})
	if len(findings) == 0 {
		t.Error("no findings")
	}
	for _, f := range findings {
		if strings.Contains(f.String(), "hunter2") {
			t.Errorf("%s", f)
		}
	}
}

func TestIgnore(t *testing.T) {
	for _, c := range []struct {
		ignore Ignore
		want   string
	}{
		{Ignore{"secret", "a token for tests only"}, ""},
		{Ignore{"secrets", "typo"}, `no rule "secrets"`},
		{Ignore{"secret", " \t"}, "without a reason"},
	} {
		err := c.ignore.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.ignore, err, c.want)
		}
	}
	findings := Unit(Source{Name: "a.service", Text: []byte("[Service]\nUser=x\nPrivateTmp=yes\n")})
	kept, unused := Apply(findings, []Ignore{{"sandbox", "Debian only"}, {"secret", "none"}})
	if len(kept) != 1 || kept[0].Rule.ID != "user-identity" || len(unused) != 1 || unused[0].ID != "secret" {
		t.Errorf("kept %v, unused %v", kept, unused)
	}
}
