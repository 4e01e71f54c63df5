package rbenv

import (
	_ "embed"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

//go:embed templates/profile.sh
var profile string

//go:embed templates/profile-rbenv.sh
var profileRbenv string

// Profile is what people's login shells read. Units and deploys never depend on it.
func (r Ruby) Profile() blueprint.Entry {
	text := profile
	if r.Managed() {
		text += profileRbenv
	}
	return blueprint.Entry{
		Path: "/etc/profile.d/deployhost.sh", Kind: blueprint.File,
		Owner: blueprint.Root, Mode: 0o644, Content: text,
	}
}
