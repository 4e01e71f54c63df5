package verify

import (
	"os"
	"path/filepath"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/rootowned"
)

// monitControl is where Debian's package has monit's control file.
const monitControl = "/etc/monit/monitrc"

// monit lets monit parse its control file together with our fragments. Before
// the first deploy nothing includes them, and one bad line would later stop
// all of monit.
func (i *image) monit() {
	if !i.has("/usr/bin/monit") || !i.has(monitControl) {
		return
	}
	dir, err := os.MkdirTemp(i.Path("/run"), "deployhost-monit-check-*")
	if err != nil {
		i.report.warn("monit's files could not be checked: %v", err)
		return
	}
	defer os.RemoveAll(dir)
	control := dir + "/monitrc"
	if err := os.WriteFile(control, []byte(i.control(dir)), 0o600); err != nil {
		i.report.warn("monit's files could not be checked: %v", err)
		return
	}
	if _, err := i.Do(host.Command{Args: []string{"monit", "-t", "-c", control}}); err != nil {
		i.report.problem("monit refuses its control files, and would watch nothing at all: %v", err)
	}
}

// control is a control file for a test. Even that writes an id, when there is
// none, and the id of the machine that bakes must not reach the image.
func (i *image) control(dir string) string {
	text := "include " + monitControl + "\n"
	fragments, _ := filepath.Glob(i.Path(blueprint.MonitDir) + "/*.conf")
	linked, _ := filepath.Glob(i.Path(blueprint.RunMonitDir) + "/*.conf")
	if len(fragments) > 0 && len(linked) == 0 {
		text += "include " + blueprint.MonitDir + "/*.conf\n"
	}
	return text + "set idfile " + dir + "/id\nset statefile " + dir + "/state\n"
}

// alertProgram is run by root, so nobody else may be able to change it. One
// that is not there may still come, with a later provisioner or user-data.
func (i *image) alertProgram() {
	program := i.b.AlertProgram
	if program == "" {
		return
	}
	if !i.has(program) {
		i.report.warn("monit.alert_program: there is no %s, and until there is, no alert reaches it", program)
		return
	}
	if err := (rootowned.Rule{Root: i.Root, UID: os.Geteuid(), As: "root"}).Check(program); err != nil {
		i.report.problem("monit.alert_program: %v", err)
	}
}
