package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
)

// Format is the version of the JSON form. It changes when a field goes or
// means something else, not when one is added.
const Format = 1

// Report is a State and what is wrong with it.
type Report struct {
	Format int `json:"format"`
	// OK says that there are no Problems.
	OK bool `json:"ok"`
	State
	Problems []Problem `json:"problems"`
}

// Problem is one thing that is wrong.
type Problem struct {
	ID ID `json:"id"`
	// About is the unit, value, app or path that is meant; empty for the host.
	About string `json:"about,omitempty"`
	What  string `json:"what"`
	// Do is what to do about it, in words.
	Do string `json:"do"`
	// Run are the commands for it, one after the other; empty where it takes none.
	Run []string `json:"run,omitempty"`
	// RunAs is who has to run them: the deploy user who asks may have to fetch root.
	RunAs Asker `json:"run_as,omitempty"`
}

// WriteJSON writes the report for machines. A terminal obeys nothing in it: what
// a terminal might is escaped, which in JSON means the same.
func (r *Report) WriteJSON(w io.Writer) error {
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return err
	}
	var out bytes.Buffer
	for _, c := range plain.String() {
		switch {
		case c == '\n' || unicode.IsPrint(c):
			out.WriteRune(c)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}
