package capistrano

import (
	"fmt"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
)

// sidekiq is how capistrano-sidekiq is told of an app's units. Its version 3
// makes a unit's name of a base and the names of config files (sidekiq.rake
// and systemd.rake, sidekiq_service_unit_name): that of sidekiq.yml is the base
// itself, that of mail.yml is BASE.mail. Version 2 knows the base only.
type sidekiq struct {
	Base  string
	Files []string
	// Units are without ".service".
	Units []string
}

// own is the config file whose unit has the base's name.
const own = "sidekiq.yml"

// sidekiqOf is nil for an app without Sidekiq.
func sidekiqOf(all []app.Sidekiq) *sidekiq {
	if len(all) == 0 {
		return nil
	}
	out := &sidekiq{Base: base(all)}
	for _, k := range all {
		// Refused by CheckSidekiq when it cannot be told.
		name, _ := configFile(out.Base, k)
		out.Files = append(out.Files, name)
		out.Units = append(out.Units, k.Unit.Prefix())
	}
	return out
}

// base is the unit of the one without a name, else what precedes the last dot.
// A single Sidekiq is the base whatever its name, which version 2 understands, too.
func base(all []app.Sidekiq) string {
	for _, k := range all {
		if k.Name == "" || len(all) == 1 {
			return k.Unit.Prefix()
		}
	}
	first := all[0].Unit.Prefix()
	if dot := strings.LastIndexByte(first, '.'); dot >= 0 {
		return first[:dot]
	}
	return first
}

func configFile(base string, k app.Sidekiq) (name string, ok bool) {
	unit := k.Unit.Prefix()
	if unit == base {
		return own, true
	}
	name, ok = strings.CutPrefix(unit, base+".")
	name += ".yml"
	return name, ok && name != own && name != ".yml"
}

// CheckSidekiq refuses a unit that capistrano-sidekiq would give another name:
// a deploy would leave it running the old release.
func CheckSidekiq(all []app.Sidekiq, one app.Sidekiq) error {
	b := base(all)
	if _, ok := configFile(b, one); ok {
		return nil
	}
	return fmt.Errorf("%q cannot be told to capistrano-sidekiq, which knows the app's units as %q and \"%s.NAME\": a deploy would leave this one on the old release; name it \"%s.%s\", or leave unit_name out",
		one.Unit.Prefix(), b, b, b, one.Name)
}
