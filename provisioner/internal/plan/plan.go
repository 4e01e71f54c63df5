// Package plan turns a checked, typed configuration into the blueprint. It
// decides nothing that a room below it can decide: it asks each for its
// entries and puts them together.
package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/firstboot"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/monit"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rbenv"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/user"
)

// Host is everything that one provisioner block asks for.
type Host struct {
	User user.User
	Ruby rbenv.Ruby
	Apps []app.App
	// Monit is nil when systemd supervises alone.
	Monit *monit.Monit
	// Rules are the first-boot hook's; User and Apps are filled in here.
	Rules instance.Rules
	// Packages besides those that the rooms ask for.
	Packages []string
}

// Blueprint renders the whole image. The same Host gives the same bytes.
func Blueprint(h Host) (*blueprint.Blueprint, error) {
	b := &blueprint.Blueprint{
		Format:   blueprint.Format,
		User:     h.User.Blueprint(),
		Packages: h.packages(),
		Ruby:     h.Ruby.Blueprint(),
	}
	if h.Monit != nil {
		b.AlertProgram = h.Monit.AlertProgram
	}
	face := h.face(b)
	for _, a := range h.Apps {
		described := a.Blueprint(face)
		described.Monit = h.Monit != nil
		b.Apps = append(b.Apps, described)
	}
	parts, err := h.entries(b, face)
	if err != nil {
		return nil, err
	}
	if b.Entries, err = merge(parts); err != nil {
		return nil, err
	}
	b.Sort()
	if err := b.Validate(); err != nil {
		return nil, err
	}
	return b, nil
}

// face is what apps see of the host.
func (h Host) face(b *blueprint.Blueprint) app.Host {
	return app.Host{User: b.User, Command: h.Ruby.Command(), RubyEnv: h.Ruby.Env()}
}

func (h Host) packages() []string {
	all := slices.Concat(h.Packages, h.Ruby.Packages())
	for _, a := range h.Apps {
		all = append(all, a.Packages()...)
	}
	if h.Monit != nil {
		all = append(all, "monit")
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (h Host) entries(b *blueprint.Blueprint, face app.Host) ([]blueprint.Entry, error) {
	all := append(h.User.Entries(), h.Ruby.Profile())
	for _, a := range h.Apps {
		entries, err := a.Entries(face)
		if err != nil {
			return nil, err
		}
		rotation, err := a.LogRotation(b.User)
		if err != nil {
			return nil, err
		}
		all = slices.Concat(all, entries, rotation)
	}
	hook, err := h.hook(b).Entries()
	if err != nil {
		return nil, err
	}
	watch, err := h.watch(face)
	return slices.Concat(all, hook, watch), err
}

func (h Host) hook(b *blueprint.Blueprint) firstboot.Hook {
	rules := h.Rules
	rules.Format = instance.Format
	rules.User = b.User
	rules.Apps = nil
	for _, a := range b.Apps {
		described := instance.AppRules{Name: a.Name, Current: a.Current(), Target: a.Target(), Monit: a.Monit}
		for _, s := range a.Services {
			described.Units = append(described.Units, s.Unit)
		}
		rules.Apps = append(rules.Apps, described)
	}
	var slowest time.Duration
	for _, a := range h.Apps {
		slowest = max(slowest, a.SlowestStop())
	}
	return firstboot.Hook{Rules: rules, SlowestStop: slowest}
}

func (h Host) watch(face app.Host) ([]blueprint.Entry, error) {
	if h.Monit == nil {
		return nil, nil
	}
	entries, err := h.Monit.Entries()
	if err != nil {
		return nil, err
	}
	for _, a := range h.Apps {
		fragment, err := h.Monit.Fragment(string(a.Name), face.User, checks(a.Watched(face)))
		if err != nil {
			return nil, err
		}
		entries = append(entries, fragment)
	}
	return entries, nil
}

func checks(services []app.Watched) []monit.Check {
	var out []monit.Check
	for _, s := range services {
		out = append(out, check(s))
	}
	return out
}

func check(s app.Watched) monit.Check {
	return monit.Check{
		Name: s.Unit.Prefix(), Unit: string(s.Unit), Socket: string(s.Socket), PidFile: s.PidFile,
		Health: s.Health, Listens: s.Listens, Settle: s.Settle, Stop: s.Stop,
		Memory: s.Watch.Memory.Monit(), CPU: string(s.Watch.CPU), Exceeded: s.Watch.Exceeded,
		Limit: s.Watch.Limit, Window: s.Watch.Window, AlertOnly: s.Watch.AlertOnly,
	}
}

// merge drops repeated entries that are equal, such as a directory that two
// rooms need, and refuses two that differ.
func merge(all []blueprint.Entry) ([]blueprint.Entry, error) {
	byPath := map[string]blueprint.Entry{}
	var out []blueprint.Entry
	for _, e := range all {
		if before, ok := byPath[e.Path]; ok {
			if before != e {
				return nil, fmt.Errorf("%s would be made in two ways: give the two apps, files or directories that end there different names", e.Path)
			}
			continue
		}
		byPath[e.Path] = e
		out = append(out, e)
	}
	return out, nil
}
