// Package unitfile reads systemd unit files the way that systemd itself does
// (systemd.syntax(7) and config_parse in src/shared/conf-parser.c), and keeps
// the line numbers that go-systemd's unit package drops.
package unitfile

import (
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// Assignment is one "Key=value". An empty Value resets a list.
type Assignment struct {
	Section, Key, Value string
	// Line is where the key stands, from 1; a continued value goes on below it.
	Line int
}

// Section is one "[Name]" header.
type Section struct {
	Name string
	Line int
}

// Mistake is a line that systemd ignores, or that makes it refuse the file.
type Mistake struct {
	Line int
	Text string
}

// File is a parsed unit file, in the order of its lines.
type File struct {
	Sections    []Section
	Assignments []Assignment
	Mistakes    []Mistake
}

// Values are all assignments of a directive, in order.
func (f File) Values(section, key string) []Assignment {
	var out []Assignment
	for _, a := range f.Assignments {
		if a.Section == section && a.Key == key {
			out = append(out, a)
		}
	}
	return out
}

// List is what a directive that collects values ends up with: an empty
// assignment drops those before it.
func (f File) List(section, key string) []Assignment {
	var out []Assignment
	for _, a := range f.Values(section, key) {
		if a.Value == "" {
			out = nil
		} else {
			out = append(out, a)
		}
	}
	return out
}

// Last is the assignment that counts for a directive with one value.
func (f File) Last(section, key string) (Assignment, bool) {
	all := f.Values(section, key)
	if len(all) == 0 {
		return Assignment{}, false
	}
	return all[len(all)-1], true
}

// Parse never fails: what systemd would not take is in Mistakes.
func Parse(text []byte) File {
	var p parser
	for i, line := range lines(strings.TrimPrefix(string(text), "\ufeff")) {
		p.line(i+1, line)
	}
	p.logical()
	return p.file
}

type parser struct {
	file    File
	section string
	// inSection is false before the first header.
	inSection bool
	// pending is a logical line so far, begun in line start; 0 for none.
	pending strings.Builder
	start   int
}

// line takes one physical line. A comment within a continued value is left
// out of it, and does not end it (systemd.syntax(7)).
func (p *parser) line(number int, text string) {
	if first := strings.TrimLeft(text, whitespace); strings.HasPrefix(first, "#") || strings.HasPrefix(first, ";") {
		return
	}
	if p.start == 0 {
		p.start = number
	}
	if endsEscaped(text) {
		p.pending.WriteString(text[:len(text)-1] + " ")
		return
	}
	p.pending.WriteString(text)
	p.logical()
}

// endsEscaped tells whether a line's last character is a backslash that no
// other backslash escapes.
func endsEscaped(text string) bool {
	backslashes := len(text) - len(strings.TrimRight(text, `\`))
	return backslashes%2 == 1
}

const whitespace = " \t\n\r"

// logical takes a whole line, with its continuations joined by spaces.
func (p *parser) logical() {
	text, at := strings.Trim(p.pending.String(), whitespace), p.start
	p.pending.Reset()
	p.start = 0
	switch {
	case text == "":
	case systemd.CheckReadable(text) != nil:
		p.mistake(at, "the line is not UTF-8, or holds a NUL or a noncharacter")
	case text[0] == '[':
		p.header(at, text)
	default:
		p.assignment(at, text)
	}
}

func (p *parser) header(at int, text string) {
	if len(text) < 2 || !strings.HasSuffix(text, "]") {
		p.mistake(at, "the section's header has no closing bracket at its end")
		return
	}
	p.section, p.inSection = text[1:len(text)-1], true
	p.file.Sections = append(p.file.Sections, Section{p.section, at})
}

func (p *parser) assignment(at int, text string) {
	key, value, ok := strings.Cut(text, "=")
	switch {
	case !p.inSection:
		p.mistake(at, "the line stands before the first section")
	case !ok:
		p.mistake(at, `the line has no "="`)
	default:
		p.file.Assignments = append(p.file.Assignments,
			Assignment{p.section, strings.Trim(key, whitespace), strings.Trim(value, whitespace), at})
	}
}

func (p *parser) mistake(at int, text string) {
	p.file.Mistakes = append(p.file.Mistakes, Mistake{at, text})
}

// lines splits at what systemd's read_line takes for one line end: a newline,
// a carriage return, a NUL, or several different ones of them in a row.
func lines(text string) []string {
	var out []string
	for text != "" {
		end := strings.IndexAny(text, "\n\r\x00")
		if end < 0 {
			return append(out, text)
		}
		out = append(out, text[:end])
		text = text[end+lineEnd(text[end:]):]
	}
	return out
}

func lineEnd(text string) int {
	n := 1
	for n < len(text) && n < 3 && strings.IndexByte("\n\r\x00", text[n]) >= 0 && strings.IndexByte(text[:n], text[n]) < 0 {
		n++
	}
	return n
}
