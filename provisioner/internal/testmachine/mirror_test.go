//go:build linux

package testmachine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// Each case is an apt configuration directory; "own" and "wanted" name the
// releases, "lines" is what the guest gets.
func TestSourceLines(t *testing.T) {
	cases, err := filepath.Glob("testdata/mirror/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range cases {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir, say := t.TempDir(), map[string]string{}
			for _, file := range archive.Files {
				say[file.Name] = string(file.Data)
				to := filepath.Join(dir, file.Name)
				if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(to, file.Data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			sources, err := readSources(dir)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, line := range sourceLines(sources, osReleaseField(say["os-release"], "VERSION_CODENAME"), osReleaseField(say["os-release"], "WANTED")) {
				got += line + "\n"
			}
			if diff := cmp.Diff(say["lines"], got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestResolveMirrorFile(t *testing.T) {
	list := filepath.Join(t.TempDir(), "debian.list")
	if err := os.WriteFile(list, []byte("# ours\n\nhttps://mirror.example/debian\tpriority:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]string{
		"mirror+file:" + list:           "https://mirror.example/debian",
		"mirror+file://" + list:         "https://mirror.example/debian",
		"mirror+file:/no/such/list":     "mirror+file:/no/such/list",
		"http://mirror.example/debian/": "http://mirror.example/debian/",
	} {
		if got := resolveMirrorFile(uri); got != want {
			t.Errorf("%s: got %s, want %s", uri, got, want)
		}
	}
}

func FuzzSources(f *testing.F) {
	f.Add("deb [arch=amd64] http://mirror.example/debian bookworm main # x\n")
	f.Add("Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n bookworm-updates\nComponents: main\n")
	f.Add("\n#\n : \n\t\nTypes:deb\n:")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range append(parseOneLine(text), parseDeb822(text)...) {
			if s.uri == "" || s.suite == "" {
				t.Errorf("a source without URI or suite: %+v", s)
			}
		}
	})
}
