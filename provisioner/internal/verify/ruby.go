package verify

import (
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/ruby"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// ruby runs each version as a unit does.
func (i *image) ruby(r blueprint.Ruby) {
	rbenv := r.Root + "/bin/rbenv"
	out, err := i.Do(host.Command{Args: []string{rbenv, "versions", "--bare"}, Env: []string{"RBENV_ROOT=" + r.Root}})
	if err != nil {
		i.report.problem("ruby: %v", err)
		return
	}
	listed := strings.Fields(out.Stdout)
	for _, version := range r.Versions() {
		if !slices.Contains(listed, version) {
			i.report.problem("ruby: rbenv in %s lists [%s], not %s", r.Root, strings.Join(listed, " "), version)
			continue
		}
		problem, err := ruby.Prove(i.Host, i.b.User, r.Root, version, nil)
		switch {
		case err != nil:
			i.report.problem("ruby: %v", err)
		case problem != "":
			i.report.problem("ruby: %s", problem)
		}
	}
}
