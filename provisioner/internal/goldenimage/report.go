//go:build linux

package goldenimage

import (
	"fmt"
	"io"
	"time"
)

// report collects what was seen, for one table at the end.
type report struct {
	rows    []row
	figures []string
}

type row struct{ result, what, detail string }

// note is a line of its own.
func (r *report) note(format string, args ...any) {
	r.rows = append(r.rows, row{what: fmt.Sprintf(format, args...)})
}

// step is something that took time.
func (r *report) step(what string, took time.Duration) {
	r.rows = append(r.rows, row{"", "  " + what, fmt.Sprintf("%.1f s", took.Seconds())})
}

// check is something that had to happen.
func (r *report) check(what string, happened bool, detail string) {
	result := "no"
	if happened {
		result = "yes"
	}
	r.rows = append(r.rows, row{result, "  " + what, detail})
}

// figure is one number for other programs.
func (r *report) figure(name string, value float64, unit string) {
	text := fmt.Sprintf("%.1f", value)
	if value == float64(int(value)) {
		text = fmt.Sprintf("%.0f", value)
	}
	r.figures = append(r.figures, fmt.Sprintf("figure %s %s %s", name, text, unit))
}

// write gives the table, then the figures.
func (r *report) write(w io.Writer) {
	_, _ = fmt.Fprintln(w)
	for _, row := range r.rows {
		_, _ = fmt.Fprintf(w, "%-48s %-4s %s\n", row.what, row.result, row.detail)
	}
	_, _ = fmt.Fprintln(w)
	for _, f := range r.figures {
		_, _ = fmt.Fprintln(w, f)
	}
}
