package verify

import (
	"os"
	"path/filepath"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
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
	control := monitControl
	fragments, _ := filepath.Glob(i.Path(blueprint.MonitDir) + "/*.conf")
	linked, _ := filepath.Glob(i.Path(blueprint.RunMonitDir) + "/*.conf")
	if len(fragments) > 0 && len(linked) == 0 {
		file, err := os.CreateTemp(i.Path("/run"), "deployhost-monit-check-*")
		if err != nil {
			i.report.warn("monit's files could not be checked: %v", err)
			return
		}
		defer os.Remove(file.Name())
		defer file.Close()
		if _, err := file.WriteString("include " + monitControl + "\ninclude " + blueprint.MonitDir + "/*.conf\n"); err != nil {
			i.report.warn("monit's files could not be checked: %v", err)
			return
		}
		control = file.Name()
	}
	if _, err := i.Do(host.Command{Args: []string{"monit", "-t", "-c", control}}); err != nil {
		i.report.problem("monit refuses its control files, and would watch nothing at all: %v", err)
	}
}
