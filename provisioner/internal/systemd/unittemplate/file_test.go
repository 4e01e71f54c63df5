package unittemplate

import (
	"fmt"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
)

const sample = `[Unit]
Description={{text .Name}}
{{- /* a comment
  of two lines */}}
{{- if .Gate}}
ConditionPathExists={{.Gate}}
{{- end}}

[Service]
{{range .Env -}}
Environment={{.}}
{{end -}}
{{define "limits"}}
MemoryMax=1G
{{end -}}
{{template "limits"}}Restart=always
`

func TestFileKnowsWhereItsLinesComeFrom(t *testing.T) {
	t.Parallel()
	f, err := ParseFile("mine.service", sample)
	if err != nil {
		t.Fatal(err)
	}
	unit, err := f.Render(map[string]any{"Name": "100%", "Gate": "/a", "Env": []string{"A=1", "B=2\nC=3"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 [Unit]", "2 Description=100%%", "6 ConditionPathExists=/a", "8 ", "9 [Service]",
		"11 Environment=A=1", "11 Environment=B=2", "11 C=3", "13 ", "14 MemoryMax=1G", "16 Restart=always", "17 ",
	}
	var got []string
	for i, line := range strings.Split(unit.Text, "\n") {
		got = append(got, fmt.Sprintf("%d %s", unit.Lines[i], line))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFileMistakesNameTheirLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"open action":   {"[Unit]\nDescription={{.Name\n", "mine.service:3: unclosed action started at mine.service:2"},
		"no function":   {"[Unit]\nDescription={{shout .Name}}\n", `mine.service:2: function "shout" not defined`},
		"no such field": {"[Unit]\nDescription={{.Title}}\n", `mine.service:2:14: executing "mine.service" at <.Title>: map has no entry for key "Title"`},
		"NUL":           {"[Unit]\x00\n", "mine.service holds a NUL byte, which no unit file may: write it as text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := ParseFile("mine.service", c.text)
			if err == nil {
				_, err = f.Render(map[string]any{"Name": "shop"})
			}
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// FuzzFile wants marks to change nothing but what is known of lines.
func FuzzFile(f *testing.F) {
	for _, text := range []string{sample, "", "\n\n{{.A}}\n", "{{range .L -}}\n{{.}}{{end}}", "{{with .A}}{{else}}\n{{end}}", "\x00", "{{if}}"} {
		f.Add(text)
	}
	data := map[string]any{"A": "a\nb", "L": []string{"x", "y"}}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ParseFile("fuzz", text)
		if err != nil {
			return
		}
		unit, err := file.Render(data)
		if err != nil {
			return
		}
		var plain strings.Builder
		if err := template.Must(template.New("fuzz").Funcs(escapers).Parse(text)).Execute(&plain, data); err != nil {
			t.Fatal(err)
		}
		if unit.Text != plain.String() {
			t.Errorf("rendered %q, not %q", unit.Text, plain.String())
		}
		if n := strings.Count(unit.Text, "\n") + 1; len(unit.Lines) != n {
			t.Errorf("%d lines have %d origins", n, len(unit.Lines))
		}
		for _, line := range unit.Lines {
			if line < 1 || line > strings.Count(text, "\n")+1 {
				t.Errorf("a line comes from line %d of %q", line, text)
			}
		}
	})
}
