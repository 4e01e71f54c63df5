package status

import (
	"fmt"
	"strings"
)

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
