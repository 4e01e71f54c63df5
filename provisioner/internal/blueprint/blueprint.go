// Package blueprint is the ground floor: the pure, ordered, serialisable
// description of what an image must hold. The same configuration gives the
// same bytes. It imports nothing else of this project, so that both the
// build machine and the host tool can speak it.
package blueprint

import "sort"

// Format is the version of the wire form. The host tool refuses any other.
const Format = 1

// Places in the image that more than one room has to agree on.
const (
	// ToolPath is where the host tool stays in the image.
	ToolPath = "/usr/local/lib/deployhost/deployhost"
	// ConfigDir holds the blueprint and the instance rules; no secret is in either.
	ConfigDir = "/etc/deployhost"
	// Path is the applied blueprint, as this package encodes it.
	Path = ConfigDir + "/blueprint.json"
	// InstanceRulesPath is what the first-boot hook reads.
	InstanceRulesPath = ConfigDir + "/instance.json"
	// MonitDir holds one monit fragment for each app, APP.conf, root 0600.
	// Nothing includes it directly: the hook links a fragment into RunMonitDir.
	MonitDir = ConfigDir + "/monit"
	// RunDir holds everything that belongs to one boot of one instance.
	RunDir = "/run/deployhost"
	// RunMonitDir is what monit includes. It is empty until the hook has seen
	// that the deploy user is the one baked, and an app has been deployed. It lies
	// outside RunDir, whose entries are named after apps.
	RunMonitDir = "/run/deployhost-monit"
	// VerdictPath is the hook's verdict on this boot.
	VerdictPath = RunDir + "/instance.json"
	// LingerDir is where logind looks for lingering users when it starts.
	LingerDir = "/var/lib/systemd/linger"
	// HookUnit is the system unit of the first-boot hook.
	HookUnit = "deployhost-instance.service"
)

// Blueprint describes an image. Build one, call Sort, then Validate.
type Blueprint struct {
	Format int `json:"format"`
	// User is the one deploy user.
	User User `json:"user"`
	// Packages are distribution packages, installed in one transaction.
	Packages []string `json:"packages,omitempty"`
	// Ruby is nil when the image's Ruby is left alone.
	Ruby *Ruby `json:"ruby,omitempty"`
	// Entries are the directories, files and links, parents first.
	Entries []Entry `json:"entries"`
	// AlertProgram is what root's monit runs for alerts; empty for none.
	AlertProgram string `json:"alert_program,omitempty"`
	// Apps is what `deployhost status`, `exec`, `wait` and the hook know of the apps.
	Apps []App `json:"apps"`
}

// User is the deploy user. Its primary group has its name.
type User struct {
	Name string `json:"name"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
	// Home is absolute and clean.
	Home  string `json:"home"`
	Shell string `json:"shell"`
	// Groups are supplementary groups, which must exist in the image.
	Groups []string `json:"groups,omitempty"`
}

// App is one application under the deploy user.
type App struct {
	Name string `json:"name"`
	// Stage is the Capistrano stage, part of the unit names.
	Stage string `json:"stage"`
	// DeployTo is Capistrano's deploy_to, absolute.
	DeployTo string `json:"deploy_to"`
	// Environment is what the image sets for every service of the app.
	Environment []EnvVar `json:"environment,omitempty"`
	// EnvFile is the hook's EnvironmentFile, or empty when the app takes no instance value.
	EnvFile string `json:"env_file,omitempty"`
	// Services in the order in which the configuration names them.
	Services []Service `json:"services"`
	// Monit says that MonitDir holds a fragment for the app.
	Monit bool `json:"monit,omitempty"`
}

// Current is the link that Capistrano moves to the newest release.
func (a App) Current() string { return a.DeployTo + "/current" }

// Target is the user unit that wants all of the app's services.
func (a App) Target() string { return a.Name + ".target" }

// EnvVar is one environment variable.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Service is one user service.
type Service struct {
	// Unit is the full unit name, for example "shop_puma_production.service".
	Unit string `json:"unit"`
	// Kind is "puma", "sidekiq" or "service".
	Kind string `json:"kind"`
	// Health is nil when the service answers no HTTP.
	Health *Health `json:"health,omitempty"`
	// Control is puma's control socket, absolute; empty for other kinds.
	Control string `json:"control,omitempty"`
}

// Health is an HTTP check of a service.
type Health struct {
	// Address is where the service answers: an IP address of this host, empty for 127.0.0.1.
	Address string `json:"address,omitempty"`
	// Port is 0 when Socket is used.
	Port int `json:"port,omitempty"`
	// Socket is an absolute unix socket path; empty when Port is used.
	Socket string `json:"socket,omitempty"`
	Path   string `json:"path"`
	// Host is the request's Host header; empty for the address itself.
	Host   string `json:"host,omitempty"`
	Status int    `json:"status"`
	// Content must be found in the body; empty for any body.
	Content string `json:"content,omitempty"`
}

// Kind is what an entry is.
type Kind string

// The kinds of entry.
const (
	Dir  Kind = "dir"
	File Kind = "file"
	Link Kind = "link"
)

// Owner is who owns an entry, and with whose rights it is written.
type Owner string

const (
	// Root entries are written by root, and never below a directory that the user owns.
	Root Owner = "root"
	// DeployUser entries are written by a process with the deploy user's rights.
	DeployUser Owner = "user"
)

// Entry is one directory, file or symbolic link.
type Entry struct {
	// Path is absolute and clean.
	Path  string `json:"path"`
	Kind  Kind   `json:"kind"`
	Owner Owner  `json:"owner"`
	// Mode holds permission bits; 0 for links.
	Mode Mode `json:"mode,omitempty"`
	// Content is a file's bytes; UTF-8 without NUL.
	Content string `json:"content,omitempty"`
	// Target is a link's text, written as it is.
	Target string `json:"target,omitempty"`
}

// Sort puts entries into the one order in which they are applied: by path,
// which puts parents before children.
func (b *Blueprint) Sort() {
	sort.Slice(b.Entries, func(i, j int) bool { return b.Entries[i].Path < b.Entries[j].Path })
	sort.Strings(b.Packages)
	sort.Strings(b.User.Groups)
}
