package tree

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// TestCases runs testdata/*.txtar. A case's comment says what it is about; its
// files are "mode" (write when absent), "before", "entries", "after", "changes"
// and "problems". Trees are lines: `dir PATH MODE`, `file PATH MODE "CONTENT"`,
// `link PATH TARGET`. "$ROOT" stands for the tree's root.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runCase(t, file) })
	}
}

func runCase(t *testing.T, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"mode": "write\n"}
	for _, f := range archive.Files {
		want[f.Name] = string(f.Data)
	}
	root := t.TempDir()
	for _, e := range parse(t, want["before"]) {
		plant(t, root, e, strings.ReplaceAll(e.Target, "$ROOT", root))
	}
	tree := newTree(root)
	tree.Guarded = want["guarded"] != "no\n"
	mode := Mode(strings.TrimSpace(want["mode"]))

	result := tree.Do(mode, parse(t, want["entries"]))
	compareCase(t, root, want, result)

	if mode == Write && len(result.Problems) == 0 {
		if again := tree.Do(Write, parse(t, want["entries"])); len(again.Changes)+len(again.Problems) > 0 {
			t.Errorf("a second time: %+v", again)
		}
	}
}

func compareCase(t *testing.T, root string, want map[string]string, result Result) {
	t.Helper()
	var changes strings.Builder
	for _, c := range result.Changes {
		fmt.Fprintf(&changes, "%s: %s\n", c.Path, c.What)
	}
	problems := strings.Join(result.Problems, "\n")
	if problems != "" {
		problems += "\n"
	}
	for name, have := range map[string]string{"after": list(t, root), "changes": changes.String(), "problems": problems} {
		have = strings.ReplaceAll(have, root, "$ROOT")
		if diff := cmp.Diff(want[name], have); diff != "" {
			t.Errorf("%s (-want +have):\n%s", name, diff)
		}
	}
}

func newTree(root string) *Tree {
	self := ID{UID: os.Getuid(), GID: os.Getgid()}
	return &Tree{Root: root, Self: self, User: self, Guarded: true}
}

func parse(t *testing.T, text string) []blueprint.Entry {
	t.Helper()
	var entries []blueprint.Entry
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		path, rest, _ := strings.Cut(rest, " ")
		e := blueprint.Entry{Path: path, Kind: blueprint.Kind(kind), Owner: blueprint.Root}
		if e.Kind == blueprint.Link {
			e.Target = rest
			entries = append(entries, e)
			continue
		}
		octal, content, _ := strings.Cut(rest, " ")
		mode, err := strconv.ParseUint(octal, 8, 32)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		e.Mode = blueprint.Mode(mode)
		if e.Kind == blueprint.File {
			if e.Content, err = strconv.Unquote(content); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		entries = append(entries, e)
	}
	return entries
}

func plant(t *testing.T, root string, e blueprint.Entry, target string) {
	t.Helper()
	path := filepath.Join(root, e.Path)
	var err error
	switch e.Kind {
	case blueprint.Dir:
		err = os.Mkdir(path, 0o700)
	case blueprint.File:
		err = os.WriteFile(path, []byte(e.Content), 0o600)
	case blueprint.Link:
		err = os.Symlink(target, path)
	default: // a pipe
		err = syscall.Mkfifo(path, 0o600)
	}
	if err == nil && e.Kind != blueprint.Link {
		err = os.Chmod(path, fs.FileMode(e.Mode))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, root string) string {
	t.Helper()
	var text strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, mode := strings.TrimPrefix(path, root), blueprint.Mode(info.Mode().Perm())
		switch {
		case d.IsDir():
			fmt.Fprintf(&text, "dir %s %s\n", name, mode)
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			fmt.Fprintf(&text, "link %s %s\n", name, target)
			return err
		case d.Type() == 0:
			content, err := os.ReadFile(path)
			fmt.Fprintf(&text, "file %s %s %q\n", name, mode, content)
			return err
		default:
			fmt.Fprintf(&text, "pipe %s %s\n", name, mode)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// Nobody but Self may own a directory that root walks through.
func TestGuardedRefusesStrangersDirectory(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(root+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	tree := newTree(root)
	tree.Self.UID++
	entry := blueprint.Entry{Path: "/etc/motd", Kind: blueprint.File, Owner: blueprint.Root, Mode: 0o644}
	result := tree.Do(Write, []blueprint.Entry{entry})
	if len(result.Problems) != 1 || !strings.Contains(result.Problems[0], fmt.Sprintf("parent /etc: belongs to uid %d", os.Getuid())) {
		t.Errorf("problems %q", result.Problems)
	}
	if got := list(t, root); got != "dir /etc 0755\n" {
		t.Errorf("wrote all the same:\n%s", got)
	}
}

func TestOwnerIsPartOfTheDifference(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(root+"/key", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tree := newTree(root)
	tree.User.GID++
	entry := blueprint.Entry{Path: "/key", Kind: blueprint.File, Owner: blueprint.DeployUser, Mode: 0o600}
	got := tree.Do(Check, []blueprint.Entry{entry})
	want := fmt.Sprintf("owner %d:%d, should be %d:%d", os.Getuid(), os.Getgid(), os.Getuid(), os.Getgid()+1)
	if diff := cmp.Diff(Result{Changes: []Change{{Path: "/key", What: want}}}, got); diff != "" {
		t.Error(diff)
	}
}
