package app

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd/unittemplate"
)

//go:embed templates
var templates embed.FS

var units = unittemplate.MustParse(templates, "templates")

// Entries renders everything of the app that lies below the deploy user's
// rights. Parents that several apps share may come more than once, always
// equal.
func (a App) Entries(h Host) ([]blueprint.Entry, error) {
	r := renderer{app: a, dir: h.UserUnitDir()}
	for _, s := range a.services(h) {
		r.service(s)
		r.enable(string(s.Unit), "default.target", a.Target())
		if s.Socket != "" {
			r.unit(string(s.Socket), "app.socket", map[string]any{"Service": s, "Listen": a.Listeners()})
		}
	}
	r.unit(a.Target(), "app.target", a)
	r.unit(string(a.Name)+".path", "app.path", a)
	r.enable(string(a.Name)+".path", "default.target")
	r.layout(h)
	if a.Puma != nil {
		r.file(a.pumaConfig(), "puma.rb", pumaFile{App: a, Control: a.controlSocket(h)})
	}
	return r.entries, r.err
}

// CustomUnits are those that are rendered from templates of the user's own, by
// their names.
func (a App) CustomUnits(h Host) (map[string]unittemplate.Unit, error) {
	units := map[string]unittemplate.Unit{}
	for _, s := range a.services(h) {
		if s.Template == nil {
			continue
		}
		unit, err := s.Template.Render(s)
		if err != nil {
			return nil, err
		}
		units[string(s.Unit)] = unit
	}
	return units, nil
}

type renderer struct {
	app     App
	dir     string
	entries []blueprint.Entry
	err     error
}

func (r *renderer) add(e blueprint.Entry) {
	e.Owner = blueprint.DeployUser
	r.entries = append(r.entries, e)
}

func (r *renderer) file(path string, template string, data any) {
	text, err := units.Render(template, data)
	if err != nil && r.err == nil {
		r.err = err
	}
	r.add(blueprint.Entry{Path: path, Kind: blueprint.File, Mode: 0o644, Content: text})
}

// service renders a service's unit, from the user's template if there is one.
func (r *renderer) service(s service) {
	if s.Template == nil {
		r.unit(string(s.Unit), "app.service", s)
		return
	}
	unit, err := s.Template.Render(s)
	r.add(blueprint.Entry{Path: r.dir + "/" + string(s.Unit), Kind: blueprint.File, Mode: 0o644, Content: unit.Text})
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%w; docs/unit-templates.md tells what a template has at hand", err)
	}
}

func (r *renderer) unit(name string, template string, data any) {
	r.file(r.dir+"/"+name, template, data)
}

// enable links a unit the way that `systemctl enable` would, which refuses to
// work for a user without a running manager.
func (r *renderer) enable(unit string, targets ...string) {
	for _, t := range targets {
		wants := r.dir + "/" + t + ".wants"
		r.add(blueprint.Entry{Path: wants, Kind: blueprint.Dir, Mode: 0o755})
		r.add(blueprint.Entry{Path: wants + "/" + unit, Kind: blueprint.Link, Target: "../" + unit})
	}
}

// layout is Capistrano's (capistrano/lib/capistrano/tasks/deploy.rake, deploy:check:directories).
func (r *renderer) layout(h Host) {
	deployTo := string(r.app.DeployTo)
	r.dirs(h.User.Home, r.dir)
	r.dirs(h.User.Home, deployTo)
	r.dirs(deployTo, deployTo+"/releases")
	r.dirs(deployTo, r.app.shared("tmp/pids"))
	for _, dir := range r.app.LinkedDirs {
		r.dirs(deployTo, r.app.shared(string(dir)))
	}
	for _, s := range r.app.services(h) {
		if s.LogFile != "" {
			r.dirs(deployTo, path.Dir(s.LogFile))
		}
	}
	if p := r.app.Puma; p != nil && p.UnixSocket != "" {
		r.dirs(deployTo, path.Dir(r.app.unixSocket()))
	}
	for link, target := range r.app.RenderedFiles {
		at := r.app.shared(string(link))
		r.dirs(deployTo, path.Dir(at))
		r.add(blueprint.Entry{Path: at, Kind: blueprint.Link, Target: target})
	}
}

// dirs adds dir and its parents up to, but without, root. A dir that lies
// elsewhere is added alone: its parents are not the deploy user's.
func (r *renderer) dirs(root, dir string) {
	r.add(blueprint.Entry{Path: dir, Kind: blueprint.Dir, Mode: 0o755})
	if parent := path.Dir(dir); strings.HasPrefix(parent, root+"/") {
		r.dirs(root, parent)
	}
}
