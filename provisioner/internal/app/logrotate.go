package app

import (
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// LogRotation is a logrotate rule for services that log to files; empty when
// all of them log to the journal.
func (a App) LogRotation(user blueprint.User) ([]blueprint.Entry, error) {
	var files []string
	for _, s := range a.services(Host{User: user}) {
		if s.LogFile != "" {
			files = append(files, s.LogFile)
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	text, err := units.Render("logrotate", map[string]any{"Files": strings.Join(files, " "), "User": user.Name})
	return []blueprint.Entry{{
		Path: "/etc/logrotate.d/deployhost-" + string(a.Name), Kind: blueprint.File,
		Owner: blueprint.Root, Mode: 0o644, Content: text,
	}}, err
}
