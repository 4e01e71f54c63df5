package status

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the cases give into them")

// eachCase compares the sections that give makes of each case of a directory with those that it holds.
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
			if !*update {
				for name, text := range got {
					if diff := cmp.Diff(section(archive, name), text); diff != "" {
						t.Errorf("%s:\n%s", name, diff)
					}
				}
				return
			}
			archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool {
				_, made := got[f.Name]
				return made
			})
			for _, name := range slices.Backward(slices.Sorted(maps.Keys(got))) {
				archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
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
