package remote

import (
	"bytes"
	"strings"
	"unicode"
)

// maxLine bounds the memory that a stream without line ends can take. Events
// are far shorter.
const maxLine = 64 << 10

// lineSplitter cuts a stream into lines however it arrives in pieces.
type lineSplitter struct {
	emit    func(line string)
	pending []byte
	// cut says that pending is full and the rest of its line is dropped.
	cut bool
}

func (s *lineSplitter) write(p []byte) {
	for {
		head, rest, found := bytes.Cut(p, []byte{'\n'})
		s.keep(head)
		if !found {
			return
		}
		s.flush()
		p = rest
	}
}

func (s *lineSplitter) keep(p []byte) {
	if room := maxLine - len(s.pending); len(p) > room {
		p, s.cut = p[:room], true
	}
	s.pending = append(s.pending, p...)
}

// flush emits what is pending, unless there is nothing to see in it.
func (s *lineSplitter) flush() {
	line := visible(string(s.pending))
	if s.cut {
		line += " …"
	}
	s.pending, s.cut = s.pending[:0], false
	if line != "" {
		s.emit(line)
	}
}

// visible is what a terminal would show in the end: a progress display returns
// the carriage and overwrites itself, and a pty ends every line with one.
func visible(line string) string {
	line = strings.TrimRightFunc(line, unicode.IsSpace)
	return line[strings.LastIndexByte(line, '\r')+1:]
}
