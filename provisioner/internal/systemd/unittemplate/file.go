package unittemplate

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
)

// File is a user's own template of one unit.
type File struct {
	// Name is what errors and findings call it, mostly its path.
	Name   string
	parsed *template.Template
}

// ParseFile reads a template. Its errors are for the file's author, and begin
// with name and line.
func ParseFile(name, text string) (*File, error) {
	if strings.ContainsRune(text, mark) {
		return nil, fmt.Errorf("%s holds a NUL byte, which no unit file may: write it as text", name)
	}
	parsed, err := template.New(name).Funcs(escapers).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, ofAuthor(err)
	}
	for _, t := range parsed.Templates() {
		if t.Tree != nil {
			markLines(t.Root, text)
		}
	}
	return &File{name, parsed}, nil
}

// Unit is a rendered template.
type Unit struct {
	Text string
	// Template is the file's name. Lines has for each line of Text the line
	// there that it comes from, counted from 1; index 0 is the first line's.
	Template string
	Lines    []int
}

// Render executes the template. Its errors are for the file's author, as
// ParseFile's are.
func (f *File) Render(data any) (Unit, error) {
	var out strings.Builder
	if err := f.parsed.Execute(&out, data); err != nil {
		return Unit{}, ofAuthor(err)
	}
	unit := unmark(out.String())
	unit.Template = f.Name
	return unit, nil
}

// ofAuthor leaves out what only says that a template is one.
func ofAuthor(err error) error {
	return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "template: ")) //nolint:err113 // the text is all there is
}

// mark encloses the number of a line. It goes with the text behind it through
// everything that a template may do with that text.
const mark = '\x00'

var (
	marked  = regexp.MustCompile(`\x00([0-9]+)\x00`)
	leading = regexp.MustCompile(`^(?:\x00[0-9]+\x00)*\x00([0-9]+)\x00`)
)

// markLines numbers the nodes' own text, and each line that begins in it.
func markLines(node parse.Node, source string) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, child := range n.Nodes {
			markLines(child, source)
		}
	case *parse.IfNode:
		markLines(n.List, source)
		markLines(n.ElseList, source)
	case *parse.RangeNode:
		markLines(n.List, source)
		markLines(n.ElseList, source)
	case *parse.WithNode:
		markLines(n.List, source)
		markLines(n.ElseList, source)
	case *parse.TextNode:
		n.Text = withMarks(n.Text, 1+strings.Count(source[:n.Pos], "\n"))
	}
}

// withMarks numbers text, whose first byte is in line.
func withMarks(text []byte, line int) []byte {
	out := appendMark(nil, line)
	for _, c := range text {
		out = append(out, c)
		if c == '\n' {
			line++
			out = appendMark(out, line)
		}
	}
	return out
}

func appendMark(out []byte, line int) []byte {
	return append(strconv.AppendInt(append(out, mark), int64(line), 10), mark)
}

// unmark takes the numbers out. A line has the last one before its first
// character; one that began within a value has its predecessor's.
func unmark(text string) Unit {
	var unit Unit
	var out []string
	line := 1
	for _, l := range strings.Split(text, "\n") {
		if m := leading.FindStringSubmatch(l); m != nil {
			line, _ = strconv.Atoi(m[1]) // the pattern has digits only
		}
		out = append(out, marked.ReplaceAllString(l, ""))
		unit.Lines = append(unit.Lines, line)
	}
	unit.Text = strings.Join(out, "\n")
	return unit
}
