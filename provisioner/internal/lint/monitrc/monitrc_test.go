package monitrc

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	f := Parse([]byte(`set daemon 45 # a comment's quote
CHECK process "my app" with pidfile /run/x
  start program = "/bin/sh -c 'a
    # no comment \"b\"'" as uid "deploy" and gid 2000 with timeout 5 seconds
  if does not exist for 3 cycles then start
  if failed port 80 for 2 times within 5 cycles then exec "/bin/true" as gid x
  if cpu > 5% then alert
  depends on a, 'b'
check file b path /b
  if not exist then alert
`))
	root := Token{Text: "x", Line: 6}
	user, group := Token{Text: "deploy", Quote: '"', Line: 4}, Token{Text: "2000", Line: 4}
	want := []*Program{
		{Command: Token{Text: "/bin/sh -c 'a\n    # no comment \\\"b\\\"'", Quote: '"', Line: 3}, User: &user, Group: &group},
		{Command: Token{Text: "/bin/true", Quote: '"', Line: 6}, Group: &root},
	}
	if diff := cmp.Diff(want, f.Programs); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
	checks := []*Check{
		{
			Kind: "process", Name: "my app", Line: 2, Starts: true,
			Depends: []Token{{Text: "a", Line: 8}, {Text: "b", Quote: '\'', Line: 8}},
			Conditions: []Condition{
				{Line: 5, Gone: true, Cycles: 3, Action: "start"},
				{Line: 6, Failed: true, Cycles: 2, Action: "exec"},
				{Line: 7, Cycles: 1, Action: "alert"},
			},
		},
		{Kind: "file", Name: "b", Line: 9, Conditions: []Condition{{Line: 10, Gone: true, Cycles: 1, Action: "alert"}}},
	}
	if diff := cmp.Diff(checks, f.Checks); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if f.Interval != 45 {
		t.Errorf("interval %d", f.Interval)
	}
}

// FuzzParse: it ends, and names only lines of the file.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"check a b\nstart program \"", "if if then", "as uid and gid", "depends on a, , b", "set daemon 9999999999999999999", "\\\"'#\n="} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := bytes.Count(text, []byte("\n")) + 1
		for _, token := range Parse(text).Tokens {
			if token.Line < 1 || token.Line > lines {
				t.Errorf("line %d of %d", token.Line, lines)
			}
		}
	})
}
