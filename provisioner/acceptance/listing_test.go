//go:build acceptance && linux

package acceptance

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// describe is a shell program that writes one line for each path among its
// arguments: kind, mode, owner and where a link leads to.
const describe = `for path; do
	case $(stat -c %F "$path") in
	directory) stat -c "dir  0%a %U:%G %n" "$path" ;;
	"symbolic link") echo "$(stat -c "link %U:%G %n" "$path") -> $(readlink "$path")" ;;
	regular*) stat -c "file 0%a %U:%G %n" "$path" ;;
	*) echo "missing $path" ;;
	esac
done`

// matches compares a machine with a list in testdata. Lines that name no path
// are for people.
func (m *machine) matches(list string) {
	m.t.Helper()
	text, err := os.ReadFile(list)
	if err != nil {
		m.t.Fatal(err)
	}
	var want, paths []string
	for line := range strings.Lines(string(text)) {
		if path := pathIn(line); path != "" {
			want, paths = append(want, strings.TrimSpace(line)), append(paths, path)
		}
	}
	got := m.root(append([]string{"sh", "-c", describe, "describe"}, paths...)...)
	if diff := cmp.Diff(want, strings.Split(got, "\n")); diff != "" {
		m.t.Errorf("%s (-want +got):\n%s", list, diff)
	}
}

// pathIn is the first word of a line that is an absolute path.
func pathIn(line string) string {
	for _, word := range strings.Fields(line) {
		if strings.HasPrefix(word, "/") {
			return word
		}
	}
	return ""
}

func TestPathIn(t *testing.T) {
	t.Parallel()
	if got := pathIn("link root:root /a -> /b\n"); got != "/a" {
		t.Errorf("got %q", got)
	}
}
