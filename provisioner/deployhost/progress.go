package deployhost

import (
	"fmt"
	"log"
	"strings"

	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
)

// fewChanges are shown by name; more are counted, and named in Packer's log.
const fewChanges = 5

// progress tells people what the host tool says, in the order in which it
// happens: a line for each step, and what the step changed.
type progress struct {
	ui      packer.Ui
	rubies  rubies
	changed []string
}

func (p *progress) event(e event.Event) {
	switch e.Type {
	case event.Change:
		log.Printf("[INFO] changed %s", e.Text)
		p.changed = append(p.changed, e.Text)
		return
	case event.Pack, event.Data:
		p.rubies.event(e)
		return
	case event.Progress:
		p.ui.Say("    " + e.Text)
	case event.Step:
		p.flush()
		p.ui.Say("  " + e.Text)
	case event.Warn:
		p.ui.Say("    warning: " + e.Text)
	case event.Problem:
		p.flush()
		p.ui.Error("    " + e.Text)
	case event.End, event.Want:
	}
}

// end is for what a run that ended early has left.
func (p *progress) end() {
	p.flush()
	p.rubies.drop()
}

// flush shows what the last step changed.
func (p *progress) flush() {
	switch n := len(p.changed); {
	case n == 0:
	case n <= fewChanges:
		p.ui.Say("    changed " + strings.Join(p.changed, ", "))
	default:
		p.ui.Say(fmt.Sprintf("    changed %s and %d more", strings.Join(p.changed[:fewChanges-1], ", "), n-fewChanges+1))
	}
	p.changed = nil
}
