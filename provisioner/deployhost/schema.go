//go:generate go tool packer-sdc mapstructure-to-hcl2 -type Config,LintIgnore,User,App,Monit,MonitMail,Instance,InstanceValue,InstanceFile
//go:generate go tool packer-sdc struct-markdown

package deployhost

import "github.com/hashicorp/packer-plugin-sdk/common"

// Config is one `provisioner "deployhost"` block. Every attribute and block
// but `app` may be left out.
type Config struct {
	common.PackerConfig `mapstructure:",squash"`

	// The one user that deploys and runs every app. Left out, it is `deploy`
	// with UID 2000 and no keys.
	User *User `mapstructure:"user"`
	// The Ruby that services run on, under rbenv's system-wide convention.
	// Left out, the image's Ruby is left alone and services find it on PATH.
	Ruby *Ruby `mapstructure:"ruby"`
	// One application; repeat the block for more. Several apps share the
	// deploy user and need different names and ports.
	Apps []App `mapstructure:"app" required:"true"`
	// Monit's checks. Left out, monit is installed with its defaults below.
	Monit *Monit `mapstructure:"monit"`
	// What the first-boot hook fills in, at every boot.
	Instance *Instance `mapstructure:"instance"`
	// Distribution packages to install besides those that the other blocks
	// need, all in one transaction that starts no service.
	Packages []string `mapstructure:"packages"`
	// A file for Capistrano, on the machine that runs Packer, for example
	// `config/deployhost.rb`: the `deploy_to`, unit names and settings of this
	// image, to be loaded in `deploy.rb` ([capistrano.md](capistrano.md)). It is
	// written when the bake has succeeded, and only if it has to change. Its
	// directory must exist; relative paths begin where `packer` is started.
	Capistrano *string `mapstructure:"capistrano"`
	// A rule of the linter that does not hold here; repeat the block for more.
	LintIgnores []LintIgnore `mapstructure:"lint_ignore"`
	// An existing directory on the machine being baked for the one file that
	// is uploaded. Defaults to `/tmp`. The file's name cannot be guessed, and
	// it is removed afterwards.
	RemoteFolder string `mapstructure:"remote_folder"`
	// How the uploaded file is started: a Packer template with `{{ .Path }}`
	// for its path. Defaults to `sh {{ .Path }}`, which becomes root through
	// passwordless `sudo` when the communicator's user is not root. Avoid
	// secrets here: Packer logs command lines.
	ExecuteCommand string `mapstructure:"execute_command"`
}

// User is the deploy user. It gets no sudo right, no privileged group and no
// password; its systemd user manager starts at boot (lingering).
type User struct {
	// Login name, and the name of its group. Defaults to `deploy`.
	Name string `mapstructure:"name"`
	// Defaults to 2000. An image on which another user has this UID, or on
	// which this user has another UID, is refused before anything changes.
	UID int `mapstructure:"uid"`
	// Defaults to the UID.
	GID int `mapstructure:"gid"`
	// Defaults to `/home/NAME`.
	Home string `mapstructure:"home"`
	// Defaults to `/bin/bash`. Capistrano needs a shell that runs commands.
	Shell string `mapstructure:"shell"`
	// Supplementary groups, which must exist in the image. Groups that give
	// root (`sudo`, `docker`, `disk` …) are refused.
	Groups []string `mapstructure:"groups"`
	// Public SSH keys, one in each element.
	AuthorizedKeys []string `mapstructure:"authorized_keys"`
	// Files with public SSH keys on the machine that runs Packer, relative to
	// where `packer` is started.
	AuthorizedKeysFiles []string `mapstructure:"authorized_keys_files"`
	// Where the keys live: `home` (the default) is `~/.ssh/authorized_keys`;
	// `system` is the root-owned `/etc/ssh/authorized_keys.d/NAME`, which the
	// user cannot change and which clean-ups that shred every
	// `~/.ssh/authorized_keys`, such as EC2 Image Builder's, leave alone.
	KeysIn string `mapstructure:"keys_in"`
}

// App is one application, deployed by Capistrano. It needs at least one of
// `puma`, `sidekiq` and `service`.
type App struct {
	// Lower-case letters, digits, `-` and `_`. Units, directories and monit's
	// checks are named after it.
	Name string `mapstructure:"name" required:"true"`
	// RAILS_ENV and RACK_ENV. Defaults to `production`.
	Environment string `mapstructure:"environment"`
	// The Capistrano stage, part of the unit names. Defaults to `environment`.
	Stage string `mapstructure:"stage"`
	// Capistrano's `deploy_to`. Defaults to `HOME/apps/NAME`.
	DeployTo string `mapstructure:"deploy_to"`
	// Environment variables for every service of the app. They are baked
	// into an image that many may read and are visible to every process of
	// the user: no secrets; those belong into an `instance` value.
	Env map[string]string `mapstructure:"env"`
	// Directories below `shared/` that are made while baking. Defaults to
	// `log`, `tmp/pids`, `tmp/cache` and `tmp/sockets`.
	LinkedDirs []string `mapstructure:"linked_dirs"`
	// The app's web server.
	Puma *Puma `mapstructure:"puma"`
	// A Sidekiq process; repeat the block for more, each with a name of its
	// own.
	Sidekiqs []Sidekiq `mapstructure:"sidekiq"`
	// Any other program that stays in the foreground; repeat the block for
	// more.
	Services []Service `mapstructure:"service"`
}

// Monit runs as root and acts on the deploy user's services through that
// user's own manager.
type Monit struct {
	// Who repairs: `both` (the default) leaves crashes to systemd and has monit
	// look after hangs, failed health checks and what systemd has given up on;
	// with `systemd` there is no monit, and nobody sees hangs.
	Policy string `mapstructure:"policy"`
	// Time between two rounds of checks. Defaults to `30s`.
	Interval string `mapstructure:"interval"`
	// Whom monit mails when a check fails, and when it passes again.
	Mail *MonitMail `mapstructure:"mail"`
	// In place of `mail`: a program on the instance that root runs at the same
	// moments, without arguments and without a shell, as an absolute path. Monit
	// tells it what happened in the variables MONIT_SERVICE, MONIT_EVENT,
	// MONIT_DESCRIPTION, MONIT_HOST and MONIT_DATE. Only root may be able to
	// change it.
	AlertProgram string `mapstructure:"alert_program"`
}

// MonitMail has no user and password: they would be baked into an image that
// many may read. A mail server on the host, or one that knows the host, can do
// without.
type MonitMail struct {
	// Mail addresses.
	To []string `mapstructure:"to" required:"true"`
	// The sender's mail address.
	From string `mapstructure:"from" required:"true"`
	// The mail server's name or IP address. Defaults to `localhost`.
	Server string `mapstructure:"server"`
	// The mail server's port. Defaults to 25.
	Port int `mapstructure:"port"`
	// Speak TLS from the start (SMTPS), for example on port 465. Defaults to
	// `false`.
	TLS bool `mapstructure:"tls"`
}

// Instance says what the hook fills in, at every boot, before the deploy
// user's services start. Nothing of it is ever on disk.
type Instance struct {
	// Where metadata comes from: `cloud-init` (its instance data, on any
	// cloud), `ec2` (EC2's metadata service, without waiting for cloud-init),
	// `none` (the machine itself only), or `auto`, the default: cloud-init's
	// data when it is there, else `ec2` on an EC2 instance, else `none`.
	Cloud string `mapstructure:"cloud"`
	// How long the hook may take in all, at most `60s`: the deploy user's
	// services and ssh logins wait for it. Defaults to `15s`.
	Timeout string `mapstructure:"timeout"`
	// One environment variable; repeat the block for more.
	Values []InstanceValue `mapstructure:"value"`
	// One file rendered from a template; repeat the block for more.
	Files []InstanceFile `mapstructure:"file"`
}

// InstanceValue is an environment variable of the apps' services.
type InstanceValue struct {
	// The variable's name.
	Name string `mapstructure:"name" required:"true"`
	// The source: `instance_id`, `region`, `zone`, `hostname`, `private_ip`,
	// `public_ip`, `instance_type`, `cpus`, `memory_mb`, `tag:NAME`,
	// `metadata:PATH`, `cloud_init:KEY.PATH`, `file:/PATH` or `exec:/PROGRAM`.
	From string `mapstructure:"from" required:"true"`
	// Used when the source has no such value.
	Default *string `mapstructure:"default"`
	// A regular expression (RE2) that the value must match. Anchor it with
	// `^` and `$`.
	Pattern string `mapstructure:"pattern"`
	// Without a value that passes, the apps stay down, ssh works, and
	// `deployhost status` says why. Defaults to `false`: the value is then
	// left out.
	Required bool `mapstructure:"required"`
	// Hide the value in `deployhost status`. No value is ever logged.
	Sensitive bool `mapstructure:"sensitive"`
	// The source needs the network, so the hook waits until it is up
	// (`network-online.target`), and with it the deploy user's services and
	// ssh logins. Defaults to `false`.
	Network bool `mapstructure:"network"`
	// Take a name with which a value runs code, such as `RUBYOPT` or `PATH`:
	// whoever may set the source can then do so as the deploy user. Defaults
	// to `false`: such names are refused.
	UnsafeName bool `mapstructure:"unsafe_name"`
	// The apps that get the value. Defaults to all of them.
	Apps []string `mapstructure:"apps"`
}

// InstanceFile is rendered at every boot into `/run` and linked from the
// app's `shared/` directory.
type InstanceFile struct {
	// The app whose file it is. With one app it may be left out.
	App string `mapstructure:"app"`
	// A file on the machine that runs Packer, with `${NAME}` where the app's
	// instance value NAME goes, and `$${` for a literal `${`.
	Template string `mapstructure:"template" required:"true"`
	// Where it is linked, relative to `shared/`, for example
	// `config/database.yml`.
	Path string `mapstructure:"path" required:"true"`
}

// LintIgnore silences one rule of the linter, which reads everything that is
// rendered; the rules are in [lint.md](lint.md).
type LintIgnore struct {
	// The rule's id, for example `secret`.
	ID string `mapstructure:"id" required:"true"`
	// Why it does no harm here, for whoever reads this next.
	Reason string `mapstructure:"reason" required:"true"`
}
