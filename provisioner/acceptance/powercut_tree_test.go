//go:build acceptance && linux

package acceptance

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// runTree is what the hook has in /run: path below it to what is there.
type runTree map[string]runEntry

type runEntry struct {
	mode    int64
	owner   string
	content string // of a link, where it leads
}

// runTree reads all of it at one time, which nothing changes meanwhile.
func (m *machine) runTree() runTree {
	m.t.Helper()
	text := m.rootRaw("sh", "-c", `cd /run && find . -maxdepth 1 -name "*deployhost*" -print0 | tar -cf - --null --files-from=-`)
	found, err := untar(strings.NewReader(text))
	if err != nil {
		m.t.Fatal(err)
	}
	return found
}

// rootRaw is root, with all that the program wrote.
func (m *machine) rootRaw(argv ...string) string {
	m.t.Helper()
	result, err := m.Exec(shared.ctx, argv...)
	if err := errors.Join(err, result.Check()); err != nil {
		m.t.Fatalf("%s: %v", strings.Join(argv, " "), err)
	}
	return result.Stdout
}

func untar(from io.Reader) (runTree, error) {
	found := runTree{}
	for archive := tar.NewReader(from); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		found[path.Clean(header.Name)] = runEntry{
			mode: header.Mode & 0o7777, owner: fmt.Sprintf("%d:%d", header.Uid, header.Gid), content: header.Linkname + string(content),
		}
	}
}

func (r runTree) String() string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r)) {
		fmt.Fprintf(&out, "%s %04o %s %s\n", name, r[name].mode, r[name].owner, shortened(r[name].content))
	}
	return out.String()
}

// below is what lies in the directory that everybody looks at, the verdict left out.
func (r runTree) below() runTree {
	found := runTree{}
	for name, entry := range r {
		if rest, ok := strings.CutPrefix(name, "deployhost/"); ok && rest != "instance.json" {
			found[rest] = entry
		}
	}
	return found
}

// success is what the verdict says; without one there was none.
func (r runTree) success() bool {
	var verdict instance.Verdict
	err := json.Unmarshal([]byte(r["deployhost/instance.json"].content), &verdict)
	return err == nil && verdict.OK
}

// empty says that there are no values, and that nobody claims it.
func (r runTree) empty() bool { return len(r.below()) == 0 && !r.success() }

// holds wants all that the hook makes with a token, with the right modes and
// owners, and nothing besides.
func (r runTree) holds(token string) error {
	want := runTree{}
	for _, app := range cutApps {
		for name, content := range map[string]string{
			"env": `TOKEN="` + token + "\"\n", "config/token.yml": tokenFile(token),
		} {
			want[app+"/"+name] = runEntry{0o640, "0:2000", content}
		}
		for _, dir := range []string{"", "/config"} {
			want[app+dir] = runEntry{0o750, "0:2000", ""}
		}
	}
	switch {
	case !maps.Equal(r.below(), want):
		return errors.New("not what the hook makes with " + token)
	case r["deployhost"] != runEntry{0o755, "0:0", ""}:
		return errors.New("the directory itself is not as it should be")
	case !r.success():
		return errors.New("there are values, but the verdict tells no success")
	}
	return nil
}

// install puts a program into a running machine.
func (m *machine) install(file string, program []byte) {
	m.t.Helper()
	root, err := os.OpenRoot(m.RootDir())
	if err != nil {
		m.t.Fatal(err)
	}
	defer root.Close()
	name := inRoot(file)
	err = errors.Join(root.MkdirAll(path.Dir(name), 0o755), root.WriteFile(name, program, 0o755), root.Chmod(name, 0o755))
	if err != nil {
		m.t.Fatal(err)
	}
}

// buildProgram compiles one of the tests' own programs for any machine.
func buildProgram(t *testing.T, source string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", file, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // the releases have different C libraries
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v: %s", source, err, out)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return program
}
