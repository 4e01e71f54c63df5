package lint

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// FuzzLint: whatever the text is, all of the linter ends, and every line that
// it names is one of the file's.
func FuzzLint(f *testing.F) {
	cases, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(cases) == 0 {
		f.Fatalf("no cases (%v)", err)
	}
	for _, c := range cases {
		a, err := txtar.ParseFile(c)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(filepath.Base(file.Name), file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		s := Source{Name: name, Text: text, Facts: Facts{
			Puma: Version{5, 6}, Sidekiq: Version{6}, Target: "shop.target", Current: "/srv/current", RequiredFile: "/run/env",
		}}
		known := Known{Interval: 30 * time.Second, Settle: map[string]time.Duration{"shop": time.Minute, "": time.Minute}}
		all := append(Units([]Source{s, {Name: "shop.socket"}, {Name: "shop.service"}}), SystemUnit(s)...)
		all = append(all, Unit(Source{Name: name, Text: text})...)
		all = append(all, Monit(name, text, known)...)
		lines := 1 + bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + bytes.Count(text, []byte{0})
		for _, found := range all {
			if found.Line < 1 || found.Line > lines || found.Text == "" {
				t.Errorf("%s (of %d lines)", found, lines)
			}
		}
	})
}
