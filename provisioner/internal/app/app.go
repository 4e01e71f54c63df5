package app

import (
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// App is one application under the deploy user.
type App struct {
	Name Name
	// Environment is RAILS_ENV and RACK_ENV.
	Environment Stage
	// Stage is part of the unit names, as capistrano-puma makes them.
	Stage    Stage
	DeployTo systemd.SafePath
	// Env is set for every service, sorted by name.
	Env []blueprint.EnvVar
	// LinkedDirs are directories below shared/.
	LinkedDirs []RelativePath
	// EnvFile is the first-boot hook's EnvironmentFile; empty for none.
	EnvFile string
	// RenderedFiles are the hook's files: link path below shared/ to path in /run.
	RenderedFiles map[RelativePath]string
	// Puma is nil when the app serves no HTTP through it.
	Puma     *Puma
	Sidekiqs []Sidekiq
	Commands []Command
}

// Host is what an app needs to know of the machine around it.
type Host struct {
	User blueprint.User
	// Command goes before every Ruby command, for example rbenv's "exec".
	Command []string
	// RubyEnv names the Ruby, before everything else in the environment.
	RubyEnv []blueprint.EnvVar
}

// UserUnitDir is where the user's manager looks first (systemd.unit(5)).
func (h Host) UserUnitDir() string { return h.User.Home + "/.config/systemd/user" }

// RuntimeDir is the user's XDG_RUNTIME_DIR, and %t in its units.
func (h Host) RuntimeDir() string { return fmt.Sprintf("/run/user/%d", h.User.UID) }

// ruby is a command of the app's bundle or of its Ruby.
func (h Host) ruby(words ...string) []string { return slices.Concat(h.Command, words) }

// shared is a path below Capistrano's shared directory.
func (a App) shared(below string) string { return path.Join(string(a.DeployTo), "shared", below) }

// Current is the link that Capistrano moves to the newest release.
func (a App) Current() string { return string(a.DeployTo) + "/current" }

// Target is the user unit that wants all of the app's services.
func (a App) Target() string { return string(a.Name) + ".target" }

// Blueprint describes the app to the host tool.
func (a App) Blueprint(h Host) blueprint.App {
	out := blueprint.App{
		Name:        string(a.Name),
		Stage:       string(a.Stage),
		DeployTo:    string(a.DeployTo),
		Environment: a.environment(h),
		EnvFile:     a.EnvFile,
	}
	for _, s := range a.services(h) {
		out.Services = append(out.Services, s.blueprint())
	}
	return out
}

// environment is RBENV_*, RAILS_ENV and RACK_ENV, then the app's own.
func (a App) environment(h Host) []blueprint.EnvVar {
	env := append([]blueprint.EnvVar{}, h.RubyEnv...)
	env = append(env,
		blueprint.EnvVar{Name: "RAILS_ENV", Value: string(a.Environment)},
		blueprint.EnvVar{Name: "RACK_ENV", Value: string(a.Environment)})
	return append(env, a.Env...)
}

// services in the order in which people expect to read them.
func (a App) services(h Host) []service {
	var out []service
	if a.Puma != nil {
		out = append(out, a.pumaService(h))
	}
	for _, s := range a.Sidekiqs {
		out = append(out, a.sidekiqService(h, s))
	}
	for _, c := range a.Commands {
		out = append(out, a.commandService(h, c))
	}
	return out
}

// SlowestStop is how long the slowest service may take to stop, which the
// user manager's own stop time-out has to exceed.
func (a App) SlowestStop() time.Duration {
	var slowest time.Duration
	for _, s := range a.services(Host{}) {
		slowest = max(slowest, s.stop())
	}
	return slowest
}
