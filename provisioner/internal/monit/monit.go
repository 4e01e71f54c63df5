// Package monit renders the checks that root's monit makes of a user's
// services. systemd owns crashes; monit owns what systemd cannot see: a
// service that hangs or answers wrongly, and one that systemd gave up on.
package monit

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

//go:embed templates
var templates embed.FS

var parsed = template.Must(template.New("").Funcs(template.FuncMap{"quote": quote, "literally": literally, "host": hostHeader}).
	Option("missingkey=error").ParseFS(templates, "templates/*"))

// Monit is the daemon's own configuration.
type Monit struct {
	// Interval between two rounds of checks.
	Interval time.Duration
	// Mail is nil when nobody is mailed.
	Mail *Mail
	// AlertProgram is run by root for each alert; empty for none.
	AlertProgram string
}

// Entries are the daemon's settings. They include only what the first-boot
// hook has linked: one unknown user would stop all of monit.
func (m Monit) Entries() ([]blueprint.Entry, error) {
	text, err := render("deployhost.conf", map[string]any{
		"Interval": int(m.Interval.Seconds()),
		"Include":  blueprint.RunMonitDir,
		"Mail":     m.Mail,
	})
	if err != nil {
		return nil, err
	}
	dropIn, err := render("monit.service", nil)
	if err != nil {
		return nil, err
	}
	return []blueprint.Entry{
		rootDir("/etc/monit", 0o755),
		rootDir("/etc/monit/conf.d", 0o755),
		rootFile("/etc/monit/conf.d/deployhost.conf", 0o600, text),
		rootDir(blueprint.MonitDir, 0o700),
		rootDir("/etc/systemd/system/monit.service.d", 0o755),
		rootFile("/etc/systemd/system/monit.service.d/50-deployhost.conf", 0o644, dropIn),
	}, nil
}

// Fragment is one app's checks.
func (m Monit) Fragment(app string, user blueprint.User, checks []Check) (blueprint.Entry, error) {
	rounds := make([]round, 0, len(checks))
	for _, c := range checks {
		rounds = append(rounds, round{c, m})
	}
	text, err := render("app.conf", map[string]any{"App": app, "User": user, "Checks": rounds})
	return rootFile(blueprint.MonitDir+"/"+app+".conf", 0o600, text), err
}

func render(name string, data any) (string, error) {
	var out strings.Builder
	if err := parsed.ExecuteTemplate(&out, name, data); err != nil {
		return "", fmt.Errorf("render monit's %s: %w", name, err)
	}
	return out.String(), nil
}

func rootDir(path string, mode blueprint.Mode) blueprint.Entry {
	return blueprint.Entry{Path: path, Kind: blueprint.Dir, Owner: blueprint.Root, Mode: mode}
}

func rootFile(path string, mode blueprint.Mode, content string) blueprint.Entry {
	return blueprint.Entry{Path: path, Kind: blueprint.File, Owner: blueprint.Root, Mode: mode, Content: content}
}
