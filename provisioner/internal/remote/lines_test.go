package remote

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// split feeds text in pieces of size bytes.
func split(text string, size int) (lines []string) {
	s := &lineSplitter{emit: func(line string) { lines = append(lines, line) }}
	for piece := range slices.Chunk([]byte(text), size) {
		s.write(piece)
	}
	s.flush()
	return lines
}

func TestLineSplitter(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"lines":         {"a\nb\n", []string{"a", "b"}},
		"no last end":   {"a\nb", []string{"a", "b"}},
		"pty":           {"a\r\nb\r\n", []string{"a", "b"}},
		"progress":      {"10%\r20%\rdone\n", []string{"done"}},
		"nothing":       {"\n\r\n \n", nil},
		"indent stays":  {"  a \n", []string{"  a"}},
		"as long as is": {long + "\nb\n", []string{long, "b"}},
		"too long":      {long + "yyyy\nb\n", []string{long + " …", "b"}},
		"no end at all": {long + long, []string{long + " …"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 7, 1 << 20} {
				if diff := cmp.Diff(c.want, split(c.text, size)); diff != "" {
					t.Errorf("in pieces of %d (-want +got):\n%.500s", size, diff)
				}
			}
		})
	}
}

func FuzzLineSplitter(f *testing.F) {
	f.Add("a\nb\r\n", 1)
	f.Add("10%\r20%\n\n{\"deployhost\":\"end\"}", 3)
	f.Add(strings.Repeat("x", 300)+"\n", 100)
	f.Fuzz(func(t *testing.T, text string, size int) {
		if size < 1 || size > len(text) {
			return
		}
		whole, pieces := split(text, len(text)), split(text, size)
		if diff := cmp.Diff(whole, pieces); diff != "" {
			t.Errorf("the pieces' size must not matter:\n%s", diff)
		}
		for _, line := range pieces {
			if line == "" || strings.ContainsAny(line, "\r\n") || len(line) > maxLine+len(" …") || !strings.Contains(text, strings.TrimSuffix(line, " …")) {
				t.Errorf("line %q", line)
			}
		}
	})
}
