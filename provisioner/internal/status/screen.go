package status

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// width is what every terminal has.
	width = 80
	// maxValues and maxLogLines keep it on one screen; --json has all.
	maxValues, maxLogLines = 10, 12
)

// Print writes the report for people, on one screen, without colours. Times are
// in zone.
func (r *Report) Print(w io.Writer, zone *time.Location) error {
	p := &screen{report: r, zone: zone}
	p.head()
	p.values()
	for _, app := range r.Apps {
		p.app(app)
	}
	p.problems()
	_, err := io.WriteString(w, p.out.String())
	return err
}

type screen struct {
	report *Report
	zone   *time.Location
	out    strings.Builder
}

// row is one fact. What is too long for a line goes on below its text.
func (p *screen) row(name, format string, args ...any) {
	const indent = 8
	p.wrap(fmt.Sprintf("%-*s", indent, name), indent, fmt.Sprintf(format, args...))
}

// wrap writes words behind a heading that is indent wide, into lines of width.
func (p *screen) wrap(heading string, indent int, text string) {
	line, empty := heading, true
	for word := range strings.SplitSeq(text, " ") {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			p.line(line)
			line, empty = strings.Repeat(" ", indent), true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	p.line(line)
}

func (p *screen) line(text string) {
	p.out.WriteString(strings.TrimRight(text, " "))
	p.out.WriteByte('\n')
}

func (p *screen) problems() {
	if len(p.report.Problems) == 0 {
		p.line("\nAll is well.")
		return
	}
	for _, problem := range p.report.Problems {
		p.line("")
		p.wrap("WRONG: ", 7, problem.What)
		who := ""
		if problem.RunAs != "" && problem.RunAs != p.report.AskedBy {
			who = " (as root)"
		}
		p.wrap("   do: ", 7, problem.Do+who)
		// Not wrapped: they are there to be copied.
		for _, command := range problem.Run {
			p.line("       " + command)
		}
	}
}

func (p *screen) since(t time.Time) string {
	if t.IsZero() {
		return "boot"
	}
	format := "15:04:05"
	if p.report.At.Sub(t) > 20*time.Hour {
		format = "2006-01-02 15:04"
	}
	return t.In(p.zone).Format(format) + " (" + since(t, p.report.At) + ")"
}

// since is how long ago t was, in at most two units.
func since(t, now time.Time) string {
	d := max(0, now.Sub(t)).Round(time.Second)
	days, hours, minutes, seconds := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm%ds", minutes, seconds)
	}
	return fmt.Sprintf("%ds", seconds)
}

func firstWords(text string, n int) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(len(words), n)], " ")
}

// counted is a number of things.
func counted(n int, thing string) string {
	return fmt.Sprintf("%d %s%s", n, thing, choose(n == 1, "", "s"))
}

func choose(yes bool, then, otherwise string) string {
	if yes {
		return then
	}
	return otherwise
}
