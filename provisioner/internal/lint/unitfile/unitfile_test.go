package unitfile

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []Assignment
		mistakes   []int
	}{
		{"lines count through comments and continuations", "# a\n[S]\nA=1\\\n; no\n  2\nB=3\n",
			[]Assignment{{"S", "A", "1   2", 3}, {"S", "B", "3", 6}}, nil},
		{"a comment's backslash continues nothing", "[S]\n# a\\\nA=1\n", []Assignment{{"S", "A", "1", 3}}, nil},
		{"two backslashes are one", "[S]\nA=1\\\\\nB=2\n", []Assignment{{"S", "A", `1\\`, 2}, {"S", "B", "2", 3}}, nil},
		{"DOS line ends", "[S]\r\nA=1\\\r\n2\r\n", []Assignment{{"S", "A", "1 2", 2}}, nil},
		{"spaces around everything", " [S] \n A = 1 = 2 \n", []Assignment{{"S", "A", "1 = 2", 2}}, nil},
		{"a byte order mark", "\ufeff[S]\nA=1", []Assignment{{"S", "A", "1", 2}}, nil},
		{"a continuation at the end", "[S]\nA=1\\", []Assignment{{"S", "A", "1", 2}}, nil},
		{"mistakes", "A=1\n[S\n[S]\nB\nC=\xff\n", nil, []int{1, 2, 4, 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Parse([]byte(c.text))
			if diff := cmp.Diff(c.want, f.Assignments); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var lines []int
			for _, m := range f.Mistakes {
				lines = append(lines, m.Line)
			}
			if diff := cmp.Diff(c.mistakes, lines); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestList(t *testing.T) {
	f := Parse([]byte("[S]\nA=1\nA=\nA=2\nA=3\n"))
	if got := f.List("S", "A"); len(got) != 2 || got[0].Value != "2" || got[1].Line != 5 {
		t.Errorf("%v", got)
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		`a  b`:              {"a", "b"},
		`"a b" 'c "d"' e`:   {"a b", `c "d"`, "e"},
		`--x="a b"c`:        {"--x=a bc"},
		`a\ b "\"" \x41 ""`: {`a\ b`, `"`, `\x41`, ""},
	} {
		got, ok := Words(text)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: %v (-want +got):\n%s", text, ok, diff)
		}
	}
	for _, text := range []string{`"a`, `a'`, `a\`} {
		if _, ok := Words(text); ok {
			t.Errorf("%s: should not be ok", text)
		}
	}
}

func seeds(f *testing.F) {
	f.Helper()
	for _, s := range []string{"[S]\nA=1\\\n; c\n  2\n", "\ufeff[S]\r\nA=\n", "A=1\n[S\nB\n", "[S]\nA=1\\\n\nB=\"x y\n", "[]\n=\n"} {
		f.Add([]byte(s))
	}
	cases, err := filepath.Glob("../testdata/*/*.txtar")
	if err != nil || len(cases) == 0 {
		f.Fatalf("no cases (%v)", err)
	}
	for _, c := range cases {
		a, err := txtar.ParseFile(c)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(file.Data)
		}
	}
}

// FuzzParse: it ends, and every line it names is one of the file's.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		last := 0
		parsed := Parse(text)
		for _, a := range parsed.Assignments {
			within(t, text, a.Line)
			if a.Line <= last {
				t.Errorf("line %d comes after line %d", a.Line, last)
			}
			last = a.Line
			Words(a.Value)
		}
		for _, m := range parsed.Mistakes {
			within(t, text, m.Line)
		}
	})
}

func within(t *testing.T, text []byte, line int) {
	t.Helper()
	ends := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + bytes.Count(text, []byte{0})
	if line < 1 || line > ends+1 {
		t.Errorf("line %d of %d", line, ends+1)
	}
}

// FuzzAgainstGoSystemd: both readers find the same assignments. Where go-systemd
// is known to differ from systemd's own config_parse, readAlike says so.
func FuzzAgainstGoSystemd(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if !readAlike(string(text)) {
			t.Skip()
		}
		want, err := unit.DeserializeOptions(bytes.NewReader(text))
		got := Parse(text)
		if err != nil {
			if len(got.Mistakes) == 0 {
				t.Errorf("go-systemd says %v, and nothing is wrong here", err)
			}
			return
		}
		if len(got.Mistakes) > 0 {
			return // systemd ignores the line; go-systemd may read the name over line ends
		}
		if len(want) != len(got.Assignments) {
			t.Fatalf("%d assignments, go-systemd has %d", len(got.Assignments), len(want))
		}
		for i, w := range want {
			g := got.Assignments[i]
			// go-systemd keeps the backslash and the line end of a continuation.
			value := strings.Trim(strings.ReplaceAll(w.Value, "\\\n", " "), whitespace)
			if g.Section != w.Section || g.Key != w.Name || g.Value != value {
				t.Errorf("%+v, go-systemd has %+v", g, *w)
			}
		}
	})
}

// readAlike tells whether a text avoids what go-systemd reads otherwise than
// systemd: it takes a carriage return, a NUL and other white space than
// systemd's for something else, knows no byte order mark, refuses lines above
// 2048 bytes, lets any trailing backslash continue a line (a comment's, or the
// second of two), keeps comments within a continued value, joins it with what
// follows at the end of a file, and ends a section's name at its first bracket.
func readAlike(text string) bool {
	if len(text) >= unit.SYSTEMD_LINE_MAX {
		return false
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && (r < ' ' || r > '~') {
			return false
		}
	}
	continued := false
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Trim(line, whitespace)
		comment := strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";")
		ends := strings.HasSuffix(line, `\`)
		if strings.HasPrefix(line, "[") && strings.Count(line, "]") > 1 {
			return false
		}
		if ends && (comment || strings.HasSuffix(line, `\\`)) || continued && (comment || line == "") {
			return false
		}
		continued = ends
	}
	return !continued
}
