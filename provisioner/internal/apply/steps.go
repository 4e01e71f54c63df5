package apply

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/account"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/apt"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/asuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/ruby"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/rubybuild"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/verify"
)

func (r *run) packages(context.Context) error {
	// A run that was killed may have left its policy behind.
	if err := apt.AllowStarts(r.Host); err != nil {
		return err
	}
	missing, err := apt.Missing(r.Host, r.wanted)
	if err != nil || (len(missing) == 0 && (len(r.wanted) == 0 || !apt.Interrupted(r.Host))) {
		return err
	}
	if err := apt.Install(r.Host, missing); err != nil {
		return fmt.Errorf("packages %s: %w", strings.Join(missing, " "), err)
	}
	for _, name := range missing {
		r.ev.Changed("package " + name)
	}
	still, err := apt.Missing(r.Host, missing)
	if err == nil && len(still) > 0 {
		err = fmt.Errorf("packages: apt-get reported success, but %s is not installed: is it the name of a virtual package? Write the name of a real one", strings.Join(still, ", "))
	}
	return err
}

func (r *run) user(context.Context) error {
	return account.Ensure(r.Host, r.b.User, r.ev.Changed)
}

// tool stays in the image. It comes before the user's files: asuser starts it.
func (r *run) tool(context.Context) error {
	content, err := os.ReadFile(r.Tool)
	if err != nil {
		return fmt.Errorf("read the running host tool: %w", err)
	}
	return r.told(r.system.Do(tree.Write, []blueprint.Entry{{
		Path: blueprint.ToolPath, Kind: blueprint.File, Owner: blueprint.Root, Mode: 0o755, Content: string(content),
	}}), nil)
}

func (r *run) systemFiles(context.Context) error {
	if err := r.begin(); err != nil {
		return err
	}
	if err := r.told(r.system.Do(tree.Write, r.byRoot), nil); err != nil {
		return err
	}
	return r.monitsOwn()
}

// monitsOwn removes which machine a monit was that ran here before, and what it
// was at: an image is no machine. What we bake lets monit keep both below /run.
func (r *run) monitsOwn() error {
	if !slices.Contains(r.b.Packages, "monit") {
		return nil
	}
	var own []blueprint.Entry
	for _, name := range []string{"id", "state"} {
		own = append(own, blueprint.Entry{Path: "/var/lib/monit/" + name, Kind: blueprint.File, Owner: blueprint.Root})
	}
	return r.told(r.system.Do(tree.Remove, own), nil)
}

func (r *run) userFiles(context.Context) error {
	return r.told(asuser.Do(r.Host, r.b.User, tree.Write, r.byUser))
}

func (r *run) ruby(ctx context.Context) error {
	if r.b.Ruby.Method != blueprint.RubyBuilt {
		return r.told(ruby.Install(r.Host, r.system, *r.b.Ruby, r.b.User, r.Archive))
	}
	site := rubybuild.Site{
		Host: r.Host, Tree: r.system, Ruby: *r.b.Ruby, User: r.b.User, Packages: r.wanted, Events: r.ev,
		Cache:     rubybuild.Cache{Offers: r.Offers, Upload: r.uploadOf, Keep: r.KeepRuby},
		Cancelled: func() error { return r.cancelled(ctx) },
	}
	return r.told(site.Install(ctx))
}

// uploadOf is where remote puts what a Want event asks for.
func (r *run) uploadOf(key string) string { return r.Bundle + "." + key }

// wantedPackages are the blueprint's, and those that stay for gems to be
// compiled with as Ruby was, which have other names on other distributions.
func wantedPackages(h host.Host, b *blueprint.Blueprint) ([]string, error) {
	if b.Ruby == nil || b.Ruby.Build == nil {
		return b.Packages, nil
	}
	compilers, err := rubybuild.Compilers(h, *b.Ruby)
	if err != nil || b.Ruby.Build.Remove {
		return b.Packages, err
	}
	all := slices.Concat(b.Packages, compilers)
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (r *run) verify(context.Context) error {
	report := verify.Run(r.Host, r.b)
	for _, warning := range report.Warnings {
		r.ev.Warn(warning)
	}
	return problems(report.Problems)
}
