package verify

import (
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
)

// sudo asks sudo itself what the deploy user may do: a rule can name the user
// through a group, an alias or ALL.
func (i *image) sudo() {
	if !i.has("/usr/bin/sudo") {
		return
	}
	name := i.b.User.Name
	out, err := i.Run(host.Command{Args: []string{"sudo", "-n", "-l", "-U", name}})
	switch {
	case err != nil:
		i.report.warn("sudo could not be asked whether %s has rights: %v", name, err)
	case strings.Contains(out.Text, "is not allowed to run sudo"):
	case strings.Contains(out.Text, "may run the following"):
		i.report.problem("the deploy user %s may use sudo, so that whoever breaks into one app owns the machine: "+
			"take the rule out of /etc/sudoers.d. sudo says: %s", name, out.Tail())
	default:
		i.report.warn("sudo did not say whether %s has rights: %s", name, out.Tail())
	}
}
