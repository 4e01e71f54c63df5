package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

const (
	page   = "../../../docs/lint.md"
	marker = "-update -->\n"
)

// TestPage holds docs/lint.md against the rules and their bad cases.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(text), marker)
	if !ok {
		t.Fatalf("%s has lost its marker", page)
	}
	want := head + marker
	for _, part := range []struct {
		title string
		rules []Rule
	}{
		{"Units", rulesOf(unitRules, func(r unitRule) Rule { return r.Rule })},
		{"All units of a user", rulesOf(setRules, func(r setRule) Rule { return r.Rule })},
		{"Monit", rulesOf(monitRules, func(r monitRule) Rule { return r.Rule })},
	} {
		want += "\n## " + part.title + "\n"
		for _, r := range part.rules {
			want += describe(t, r)
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("run with -update (-want +got):\n%s", diff)
	}
}

func rulesOf[T any](table []T, rule func(T) Rule) []Rule {
	var out []Rule
	for _, r := range table {
		out = append(out, rule(r))
	}
	return out
}

func describe(t *testing.T, r Rule) string {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", r.ID, "bad.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("\n### %s\n\n%s\n\n```\n%s```\n", r.ID,
		wrap(fmt.Sprintf("**%s.** %s %s *Instead:* %s", r.Severity, r.What, r.Why, r.Instead)), example(t, r, a))
	switch said := section(a, "verify"); said {
	case "":
	case nothing:
		out += "\nsystemd-analyze says nothing of it.\n"
	default:
		out += "\nsystemd-analyze says:\n\n```\n" + said + "```\n"
	}
	return out
}

// example are the lines of a case that break the rule.
func example(t *testing.T, r Rule, a *txtar.Archive) string {
	t.Helper()
	out, last := "", ""
	for _, f := range lintCase(t, a) {
		lines := strings.Split(section(a, f.File), "\n")
		at := fmt.Sprintf("%s:%d", f.File, f.Line)
		if f.Rule.ID == r.ID && at != last {
			out += at[strings.Index(at, "/")+1:] + ": " + lines[f.Line-1] + "\n"
			last = at
		}
	}
	return out
}

// wrap breaks a paragraph where the other pages do.
func wrap(text string) string {
	var out strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := len([]rune(word))
		if column > 0 && column+1+n > 120 {
			out.WriteString("\n")
			column = 0
		} else if column > 0 {
			out.WriteString(" ")
			column++
		}
		out.WriteString(word)
		column += n
	}
	return out.String()
}
