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

func (p *screen) head() {
	r := p.report
	p.row("host", "%s, %s", r.Host, r.At.In(p.zone).Format("2006-01-02 15:04:05 MST"))
	manager := r.User.Manager
	if !r.User.ManagerSince.IsZero() {
		manager += " since " + p.since(r.User.ManagerSince)
	}
	p.row("user", "%s (uid %d)%s, %s, manager %s", r.User.Name, r.User.UID, choose(r.User.Differs == "", "", ", NOT as baked"),
		choose(r.User.Lingering, "lingering", "NOT lingering"), manager)
	if ruby := r.Ruby; ruby != nil {
		p.row("ruby", "%s %s%s; rbenv has %s", ruby.Version, ruby.State, choose(ruby.Runs == "", "", ": "+firstWords(ruby.Runs, 2)),
			choose(len(ruby.Installed) == 0, "none", strings.Join(ruby.Installed, " ")))
	}
	if r.Monit != nil {
		p.row("monit", "%s", p.monit(*r.Monit))
	}
	var disks []string
	for _, d := range r.Disks {
		inodes := ""
		if d.InodesUsedPercent > d.UsedPercent {
			inodes = fmt.Sprintf(" (inodes %d%%)", d.InodesUsedPercent)
		}
		disks = append(disks, fmt.Sprintf("%s %d%%%s", d.Path, d.UsedPercent, inodes))
	}
	p.row("disks", "%s full", strings.Join(disks, ", "))
	p.row("hook", "%s", p.hook(r.FirstBoot))
}

func (p *screen) monit(m Monit) string {
	text := m.Unit.ActiveState
	if text == "" || m.Unit.LoadState != "loaded" {
		text = choose(m.Unit.LoadState == "", "unknown", m.Unit.LoadState)
	}
	if !m.Unit.Since.IsZero() {
		text += " since " + p.since(m.Unit.Since)
	}
	switch m.View {
	case MonitSeen:
		text += ", " + counted(m.Services, "check")
	case MonitRootOnly:
		text += "; what it finds, only root may ask"
	case MonitNoAnswer:
		text += ", gives no answer"
	}
	return text
}

func (p *screen) hook(f FirstBoot) string {
	text := strings.ReplaceAll(string(f.State), "_", " ")
	if f.State == HookFailed {
		text = "FAILED"
	}
	if len(f.WaitsFor) > 0 {
		text += ", waits for " + strings.Join(f.WaitsFor, " ")
	}
	if f.Attempt == 0 {
		return text
	}
	text += fmt.Sprintf(" %s in %.3f s", p.since(f.At), f.Seconds)
	if f.Attempt > 1 {
		text += fmt.Sprintf(", attempt %d", f.Attempt)
	}
	if f.Source != "none" {
		text += ", from " + f.Source
	}
	if f.InstanceID != "" {
		text += ", " + f.InstanceID
	}
	return text
}

func (p *screen) values() {
	values := p.report.FirstBoot.Values
	longest := 0
	for _, v := range values[:min(len(values), maxValues)] {
		longest = max(longest, len(v.Name))
	}
	for i, v := range values {
		if i == maxValues {
			p.line(fmt.Sprintf("  and %d more: deployhost status --json", len(values)-maxValues))
			break
		}
		p.wrap(fmt.Sprintf("  %-*s ", longest, v.Name), longest+3, v.text())
	}
	for _, w := range p.report.FirstBoot.Warnings {
		p.wrap("  note: ", 8, w)
	}
}

// text is the value as far as it may be shown, and where it came from. It is
// quoted, for it may hold what a terminal would obey, and blanks that count.
func (v Value) text() string {
	const most = 40
	text := fmt.Sprintf("%d bytes", v.Bytes)
	switch {
	case v.Sensitive:
		text = fmt.Sprintf("(sensitive, %d bytes)", v.Bytes)
	case v.Text != nil:
		runes := []rune(*v.Text)
		text = fmt.Sprintf("%q", string(runes[:min(len(runes), most)]))
		if len(runes) > most {
			text += fmt.Sprintf("… (%d bytes)", v.Bytes)
		}
	}
	from := "  from " + v.From
	if v.Defaulted {
		from = "  by default, not from " + v.From
	}
	if len(v.Apps) > 0 {
		from += ", for " + strings.Join(v.Apps, " ")
	}
	return text + from
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
