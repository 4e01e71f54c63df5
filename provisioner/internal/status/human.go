package status

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes the report for people, on one screen. Values are quoted, for
// one may hold what a terminal would obey.
func (r *Report) Print(w io.Writer, now time.Time) error {
	var out strings.Builder
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("user", "%s (uid %d), %s, manager %s", r.User.Name, r.User.UID, choose(r.User.Lingering, "lingering", "NOT lingering"),
		r.User.Manager)
	if r.Ruby != nil {
		line("ruby", "%s, %s", r.Ruby.Version, choose(r.Ruby.Present, "present", "MISSING"))
	}
	line("hook", "%s", r.hookLine())
	if r.Monit != "" {
		line("monit", "%s", r.Monit)
	}
	for _, a := range r.Apps {
		line("app "+a.Name, "%s", choose(a.Deployed, "deployed", "not deployed yet; it starts by itself at its first deploy"))
		for _, s := range a.Services {
			line("  "+s.Unit, "%s", s.line(now))
		}
		for _, v := range a.Values {
			line("  "+v.Name, "%s", v.line())
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if r.Hook != nil {
		for _, w := range r.Hook.Warnings {
			fmt.Fprintf(&out, "\nnote: %s\n", w)
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&out, "\nWRONG: %s\n", p.What)
		if p.Do != "" {
			fmt.Fprintf(&out, "   DO: %s\n", p.Do)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (r *Report) hookLine() string {
	if r.Hook == nil {
		return "has not run in this boot"
	}
	id := ""
	if r.Hook.InstanceID != "" {
		id = fmt.Sprintf(" %q", r.Hook.InstanceID)
	}
	return fmt.Sprintf("%s at attempt %d, metadata from %s%s, %d values", choose(r.Hook.OK, "succeeded", "FAILED"), r.Hook.Attempt,
		r.Hook.Source, id, len(r.Hook.Values))
}

func (s Service) line(now time.Time) string {
	text := s.ActiveState
	if s.SubState != "" {
		text += " (" + s.SubState + ")"
	}
	if !s.Since.IsZero() {
		text += " for " + now.Sub(s.Since).Round(time.Second).String()
	}
	if s.Restarts > 0 {
		text += fmt.Sprintf(", %d restarts", s.Restarts)
	}
	return text
}

func (v Value) line() string {
	const width = 60
	switch {
	case v.Sensitive:
		return fmt.Sprintf("(sensitive, %d bytes)", v.Bytes)
	case v.Bytes > width:
		return fmt.Sprintf("%q… (%d bytes)", v.Text[:width], v.Bytes)
	}
	return fmt.Sprintf("%q", v.Text)
}

func choose(yes bool, then, otherwise string) string {
	if yes {
		return then
	}
	return otherwise
}
