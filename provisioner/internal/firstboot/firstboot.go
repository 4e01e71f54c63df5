// Package firstboot describes what the image holds for the first-boot hook:
// its rules, its system unit and the order that keeps every service of the
// deploy user behind it.
package firstboot

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd/unittemplate"
)

//go:embed templates
var templates embed.FS

var units = unittemplate.MustParse(templates, "templates")

const systemUnitDir = "/etc/systemd/system"

// defaultStop is user@.service's own TimeoutStopSec (systemd's user@.service.in).
const defaultStop = 120 * time.Second

// Hook is the first-boot hook of one image.
type Hook struct {
	Rules instance.Rules
	// SlowestStop is the longest TimeoutStopSec of any service.
	SlowestStop time.Duration
}

// Entries renders the hook's part of the image.
func (h Hook) Entries() ([]blueprint.Entry, error) {
	r := renderer{}
	rules, err := encode(h.Rules)
	if err != nil {
		return nil, err
	}
	r.dir(blueprint.ConfigDir)
	r.file(blueprint.InstanceRulesPath, rules)
	r.unit(blueprint.HookUnit, "deployhost-instance.service", h)
	r.enable(blueprint.HookUnit, "multi-user.target")

	for unit, template := range map[string]string{"user": "user-manager.conf", "user-runtime-dir": "user-runtime-dir.conf"} {
		dropIns := fmt.Sprintf("%s@%d.service.d", unit, h.Rules.User.UID)
		r.dir(systemUnitDir + "/" + dropIns)
		r.unit(dropIns+"/50-deployhost.conf", template, h)
	}

	for _, app := range h.Rules.Apps {
		if !app.Monit {
			continue
		}
		name := "deployhost-monit-" + app.Name
		r.unit(name+".path", "monit.path", app)
		r.unit(name+".service", "monit.service", app)
		r.enable(name+".path", "multi-user.target")
	}
	r.dir(path.Dir(blueprint.ToolPath))
	r.link("/usr/local/bin/deployhost", "../lib/deployhost/deployhost")
	return r.entries, r.err
}

// Weight is that of what the app waits for while the system boots; 100 is the
// standard, and 10000 the most (systemd.resource-control(5)).
func (Hook) Weight() int { return 1000 }

// ManagerStopSec is the user manager's stop time-out in seconds: longer than
// its slowest service's, and never shorter than it is without us.
func (h Hook) ManagerStopSec() int {
	return int(max(defaultStop, h.SlowestStop+30*time.Second).Seconds())
}

// TimeoutStartSec leaves the hook time to write its verdict after its own time-out.
func (h Hook) TimeoutStartSec() int { return h.Rules.TimeoutSeconds + 10 }

// NeedsCloudInit tells whether the hook has to wait for cloud-init. EC2's
// metadata service is asked without it, and again and again while the network
// comes up.
func (h Hook) NeedsCloudInit() bool {
	if h.Rules.Cloud == "none" || h.Rules.Cloud == "ec2" {
		return false
	}
	return slices.ContainsFunc(h.Rules.Values, func(v instance.Value) bool { return instance.NeedsMetadata(v.From) })
}

// NeedsNetwork tells whether the hook has to wait until the network is up.
func (h Hook) NeedsNetwork() bool {
	return slices.ContainsFunc(h.Rules.Values, func(v instance.Value) bool { return v.Network })
}

func encode(rules instance.Rules) (string, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(rules); err != nil {
		return "", fmt.Errorf("encode instance rules: %w", err)
	}
	return out.String(), nil
}

type renderer struct {
	entries []blueprint.Entry
	err     error
}

func (r *renderer) add(e blueprint.Entry) {
	e.Owner = blueprint.Root
	r.entries = append(r.entries, e)
}

func (r *renderer) dir(p string) {
	r.add(blueprint.Entry{Path: p, Kind: blueprint.Dir, Mode: 0o755})
}

func (r *renderer) link(p, target string) {
	r.add(blueprint.Entry{Path: p, Kind: blueprint.Link, Target: target})
}

func (r *renderer) file(p, content string) {
	r.add(blueprint.Entry{Path: p, Kind: blueprint.File, Mode: 0o644, Content: content})
}

func (r *renderer) unit(name, template string, data any) {
	text, err := units.Render(template, data)
	if err != nil && r.err == nil {
		r.err = err
	}
	r.file(systemUnitDir+"/"+name, text)
}

func (r *renderer) enable(unit, target string) {
	wants := systemUnitDir + "/" + target + ".wants"
	r.dir(wants)
	r.link(wants+"/"+unit, "../"+unit)
}
