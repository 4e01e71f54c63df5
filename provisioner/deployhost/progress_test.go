package deployhost

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
)

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := &progress{ui: &packer.BasicUi{Writer: &out, ErrorWriter: &out}}
	for _, e := range []event.Event{
		{Type: event.Step, Text: "preflight"},
		{Type: event.Warn, Text: "old image"},
		{Type: event.Step, Text: "packages"},
		{Type: event.Change, Text: "package monit"},
		{Type: event.Step, Text: "files"},
		{Type: event.Change, Text: "/a"}, {Type: event.Change, Text: "/b"}, {Type: event.Change, Text: "/c"},
		{Type: event.Change, Text: "/d"}, {Type: event.Change, Text: "/e"}, {Type: event.Change, Text: "/f"},
		{Type: event.Problem, Text: "disk full"},
	} {
		p.event(e)
	}
	p.flush()
	want := `  preflight
    warning: old image
  packages
    changed package monit
  files
    changed /a, /b, /c, /d and 2 more
    disk full
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
