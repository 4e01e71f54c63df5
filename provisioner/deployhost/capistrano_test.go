package deployhost

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

func TestCapistranoFileIsReplacedOnlyWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "deployhost.rb")
	write := func(text string) os.FileInfo {
		t.Helper()
		if err := (&capistranoFile{path: path, text: text}).write(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Fatalf("the file is %q (%v), not %q", got, err, text)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	if mode := write("first").Mode(); mode != 0o644 {
		t.Errorf("mode %s", mode)
	}
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	if at := write("first").ModTime(); !at.Equal(long) {
		t.Error("a file that was right already has been written again")
	}
	before, _ := os.Stat(path)
	if after := write("second"); os.SameFile(before, after) {
		t.Error("the file was changed in place: whoever reads it could see half of it")
	}
	onlyFile(t, dir, "deployhost.rb")
}

func TestCapistranoFileKeepsALink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "shared.rb"), filepath.Join(dir, "deployhost.rb")
	if err := os.WriteFile(target, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("shared.rb", link); err != nil {
		t.Fatal(err)
	}
	if err := (&capistranoFile{path: link, text: "new"}).write(); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != "shared.rb" {
		t.Errorf("the link is %q (%v)", to, err)
	}
	if text, _ := os.ReadFile(target); string(text) != "new" {
		t.Errorf("its target is %q", text)
	}
}

func TestCapistranoFileThatCannotBePutThereLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "deployhost.rb")
	if err := os.MkdirAll(filepath.Join(taken, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (&capistranoFile{path: taken, text: "text"}).write(); err == nil {
		t.Error("a directory was replaced")
	}
	onlyFile(t, dir, "deployhost.rb")
}

// TestValidateWritesNoCapistranoFile: only a bake knows that it succeeded.
func TestValidateWritesNoCapistranoFile(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/golden/capistrano-smallest.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decode(t, archive); err != nil { // which works in a directory of its own
		t.Fatal(err)
	}
	onlyFile(t, ".")
}

func onlyFile(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(want) || len(want) == 1 && entries[0].Name() != want[0] {
		t.Errorf("the directory holds %v, not %v", entries, want)
	}
}
