package verify

import (
	"path"
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// systemDir is where the blueprint's system units are.
const systemDir = "/etc/systemd/system"

// unitKinds are those that the blueprint may hold and systemd-analyze can load.
var unitKinds = []string{".service", ".path", ".socket", ".target", ".timer"}

// systemUnits lets systemd read our system units. User units need a running
// user manager's directories; the build machine's linter has read those.
func (i *image) systemUnits() {
	var units []string
	for _, e := range i.b.Entries {
		if e.Kind == blueprint.File && path.Dir(e.Path) == systemDir && slices.Contains(unitKinds, path.Ext(e.Path)) {
			units = append(units, e.Path)
		}
	}
	if len(units) == 0 {
		return
	}
	out, err := i.Run(host.Command{Args: append([]string{"systemd-analyze", "verify", "--man=no"}, units...)})
	if err != nil {
		i.report.warn("systemd-analyze could not check the system units: %v", err)
		return
	}
	complaints := about(out.Text, units)
	switch {
	case len(complaints) > 0:
		i.report.problem("systemd finds fault with the system units: %s", strings.Join(complaints, "; "))
	case out.Code != 0:
		// Other units of the image, or no systemd to ask in a chroot.
		i.report.warn("systemd-analyze could not check the system units: %s", out.Tail())
	}
}

// about are the lines that name one of the units.
func about(text string, units []string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if slices.ContainsFunc(units, func(unit string) bool { return strings.Contains(line, path.Base(unit)) }) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}
