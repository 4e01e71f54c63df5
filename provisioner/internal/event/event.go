// Package event is what the host tool says to the build machine while it
// applies a blueprint: one JSON object a line on standard output. Lines that
// are no event (a package manager's noise, a shell's error) may stand between.
package event

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
)

// Type tells what an Event means.
type Type string

const (
	// Step announces work; Text is for people.
	Step Type = "step"
	// Change names one thing that was changed, Text is its path or name.
	Change Type = "change"
	// Warn is worth a reader's attention but stops nothing.
	Warn Type = "warn"
	// Progress is news of work that takes long, or how it ended; Text is for people.
	Progress Type = "progress"
	// Want asks the build machine to upload what Key names.
	Want Type = "want"
	// Pack announces a file of Size bytes that Key names: what the build machine
	// keeps comes back with the events, without a session of its own and without
	// a file that somebody would have to remove.
	Pack Type = "pack"
	// Data is the next piece of what Key names.
	Data Type = "data"
	// Problem is one reason for failing; Text says where, what, why and what to do.
	Problem Type = "problem"
	// End is the sentinel. Only an End that carries the run's nonce is believed,
	// because some communicators report exit status 0 for a lost session.
	End Type = "end"
)

// Event is one line.
type Event struct {
	Type Type   `json:"deployhost"`
	Text string `json:"text,omitempty"`
	// Key belongs to Want, Pack and Data, Size to Pack, and Data to Data.
	Key  string `json:"key,omitempty"`
	Size int64  `json:"size,omitempty"`
	Data []byte `json:"data,omitempty"`
	// Nonce, OK, Changes and Seconds belong to End.
	Nonce   string  `json:"nonce,omitempty"`
	OK      bool    `json:"ok,omitempty"`
	Changes int     `json:"changes,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// Writer writes events and counts changes. It is not safe for concurrent use.
type Writer struct {
	w       io.Writer
	nonce   string
	start   time.Time
	changes int
	lost    bool
}

// NewWriter starts the clock that End reports.
func NewWriter(w io.Writer, nonce string) *Writer {
	return &Writer{w: w, nonce: nonce, start: time.Now()}
}

func (w *Writer) write(e Event) {
	line, err := json.Marshal(e)
	if err != nil { // strings, bools and numbers always marshal
		panic(err)
	}
	// A failed write means that the reader is gone, which the reader notices itself.
	if _, err := w.w.Write(append(line, '\n')); err != nil {
		w.lost = true
	}
}

// Lost tells whether the reader is known to be gone.
func (w *Writer) Lost() bool { return w.lost }

// Step announces work.
func (w *Writer) Step(text string) { w.write(Event{Type: Step, Text: text}) }

// Changed counts and names one change.
func (w *Writer) Changed(what string) {
	w.changes++
	w.write(Event{Type: Change, Text: what})
}

// Changes is the count so far.
func (w *Writer) Changes() int { return w.changes }

// Warn tells something that stops nothing.
func (w *Writer) Warn(text string) { w.write(Event{Type: Warn, Text: text}) }

// Progress tells news of work that takes long.
func (w *Writer) Progress(text string) { w.write(Event{Type: Progress, Text: text}) }

// Want asks for an upload.
func (w *Writer) Want(key string) { w.write(Event{Type: Want, Key: key}) }

// pieceBytes keeps a Data event, in base64, well below what remote reads as one line.
const pieceBytes = 24 << 10

// Pack sends a file to the build machine.
func (w *Writer) Pack(key string, size int64, content io.Reader) error {
	w.write(Event{Type: Pack, Key: key, Size: size})
	piece := make([]byte, pieceBytes)
	for !w.lost {
		n, err := io.ReadFull(content, piece)
		if n > 0 {
			w.write(Event{Type: Data, Key: key, Data: piece[:n]})
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Problem tells one reason for failing.
func (w *Writer) Problem(text string) { w.write(Event{Type: Problem, Text: text}) }

// End writes the sentinel; nothing may be written after it.
func (w *Writer) End(ok bool) {
	w.write(Event{Type: End, Nonce: w.nonce, OK: ok, Changes: w.changes, Seconds: time.Since(w.start).Seconds()})
}

// Parse reads one line, with or without the carriage return that a pty adds.
// It reports false for a line that is no event.
func Parse(line string) (Event, bool) {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, `{"deployhost":"`) {
		return Event{}, false
	}
	var e Event
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		return Event{}, false
	}
	return e, true
}
