package status

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the cases give into them")

// eachCase compares the sections that give makes of each case of a directory
// with those that it holds. A case has at least one of them.
func eachCase(t *testing.T, dir string, give func(*testing.T, *txtar.Archive) map[string]string) {
	t.Helper()
	cases, err := filepath.Glob(dir + "/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := give(t, archive)
			compared := 0
			for i, f := range archive.Files {
				text, made := got[f.Name]
				if !made {
					continue
				}
				compared++
				if diff := cmp.Diff(string(f.Data), text); diff != "" && !*update {
					t.Errorf("%s:\n%s", f.Name, diff)
				}
				archive.Files[i].Data = []byte(text)
			}
			if compared == 0 {
				t.Error("nothing is compared")
			}
			if !*update {
				return
			}
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func section(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}
