package app

import (
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Packages are the distribution's packages that the app needs beside its own.
func (a App) Packages() []string {
	if len(a.logFiles()) == 0 {
		return nil
	}
	return []string{"logrotate"}
}

func (a App) logFiles() []string {
	var files []string
	for _, s := range a.services(Host{}) {
		if s.LogFile != "" {
			files = append(files, s.LogFile)
		}
	}
	return files
}

// LogRotation is a logrotate rule for services that log to files; empty when
// all of them log to the journal.
func (a App) LogRotation(user blueprint.User) ([]blueprint.Entry, error) {
	files := a.logFiles()
	if len(files) == 0 {
		return nil, nil
	}
	text, err := units.Render("logrotate", map[string]any{"Files": strings.Join(files, " "), "User": user.Name})
	return []blueprint.Entry{{
		Path: "/etc/logrotate.d/deployhost-" + string(a.Name), Kind: blueprint.File,
		Owner: blueprint.Root, Mode: 0o644, Content: text,
	}}, err
}
