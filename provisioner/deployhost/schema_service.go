//go:generate go tool packer-sdc mapstructure-to-hcl2 -type Process,Watch,Puma,Health,Sidekiq,Service
//go:generate go tool packer-sdc struct-markdown

package deployhost

import "github.com/hashicorp/packer-plugin-sdk/template/config"

// Process is what `puma`, `sidekiq` and `service` blocks all take besides
// their own attributes.
type Process struct {
	// `journal` (the default), or `file` for a file in `shared/log/` that is
	// rotated daily: `puma.log`, `sidekiq.log`, `sidekiq.NAME.log` or
	// `NAME.log`.
	Log string `mapstructure:"log"`
	// How long the service may take to start, for example `60s`, the default.
	// Monit leaves it alone for that long.
	StartTimeout string `mapstructure:"start_timeout"`
	// How long the service may take to stop, for example to finish its
	// requests, before it is killed. Defaults to `30s`; with `sidekiq`, to
	// `timeout` and 10 s more.
	StopTimeout string `mapstructure:"stop_timeout"`
	// How long systemd waits before it starts a service again that has ended.
	// Defaults to `1s`.
	RestartDelay string `mapstructure:"restart_delay"`
	// The most memory of all the service's processes together, for example
	// `768M` or `40%` of the machine's. A service that needs more is killed
	// and started again.
	MemoryMax string `mapstructure:"memory_max"`
	// From here on the service is slowed down and made to give memory back;
	// less than `memory_max`.
	MemoryHigh string `mapstructure:"memory_high"`
	// The most processor time; `100%` is one processor.
	CPUQuota string `mapstructure:"cpu_quota"`
	// The most processes and threads together.
	TasksMax int `mapstructure:"tasks_max"`
	// What monit restarts the service for besides, and when it gives up.
	Watch *Watch `mapstructure:"watch"`
	// Environment variables for this service alone, which override the app's
	// `env`. No secrets, as there.
	Env map[string]string `mapstructure:"env"`
	// More directives of the unit's `[Service]` section by their names, for
	// example `{ Nice = "5" }`, written as they are: `%` begins a specifier.
	// Those that the plugin writes itself are refused, except for hardening
	// (`NoNewPrivileges` and others), which they replace.
	Extra map[string]string `mapstructure:"extra"`
	// A file on the machine that runs Packer with a template for the unit, in
	// place of the built-in one, which is a good one to begin with: see
	// [unit-templates.md](unit-templates.md).
	UnitTemplate string `mapstructure:"unit_template"`
}

// Watch is monit's part, for one service. A restart is one that systemd makes,
// with all of `stop_timeout`.
type Watch struct {
	// Restart the service when it and its children need more memory than this,
	// for example `600M`, or `40%` of the machine's. Memory that processes share
	// counts once for each. It is gentler than `memory_max`, and slower.
	Memory string `mapstructure:"memory"`
	// Restart the service when it and its children need more processor time
	// than this, where `100%` is all of the machine's processors. For a process
	// with fewer threads than there are processors it is one for each thread.
	CPU string `mapstructure:"cpu"`
	// How long `memory` or `cpu` must be exceeded. Defaults to `restart_delay`
	// and `start_timeout`, which is also the least: a start needs much of both.
	ExceededFor string `mapstructure:"exceeded_for"`
	// After so many restarts by monit within `limit_window` it does what
	// `at_limit` says. Defaults to 0, no limit.
	RestartLimit int `mapstructure:"restart_limit"`
	// Defaults to twice the time that so many restarts take when none of them
	// helps, with `stop_timeout`, `restart_delay` and `start_timeout`.
	LimitWindow string `mapstructure:"limit_window"`
	// `unmonitor` (the default) leaves the service alone until `monit monitor`
	// or the next boot; `alert` goes on. Both tell `mail` or `alert_program`.
	AtLimit string `mapstructure:"at_limit"`
}

// Puma is a user service named `APP_puma_STAGE`, as capistrano-puma names it.
type Puma struct {
	// The puma version in `Gemfile.lock`, for example `6.6`. From 6.1 on the
	// unit is `Type=notify`, so that a start counts as done only when puma
	// serves. Left out, the unit is `Type=simple`, which works with any.
	Version string `mapstructure:"version"`
	// `simple` or `notify`, to overrule what `version` decides. `notify`
	// needs puma 6.1, or 5.1 with the sd_notify gem in the bundle.
	Type string `mapstructure:"type"`
	// The unit's name without `.service`. Defaults to `APP_puma_STAGE`.
	UnitName string `mapstructure:"unit_name"`
	// IP address to listen on. Defaults to `0.0.0.0`.
	Address string `mapstructure:"address"`
	// TCP port to listen on. Defaults to 3000, or with `unix_socket` to none.
	Port int `mapstructure:"port"`
	// Unix socket for a web server on the same host, as a path below
	// `shared/`, for example `tmp/sockets/puma.sock`. Without `port` puma
	// listens on it alone. Every user of the host who can enter its directory
	// may connect.
	UnixSocket string `mapstructure:"unix_socket"`
	// Socket activation: systemd holds the listening socket, so that
	// connections wait while puma restarts. Defaults to `true`.
	SocketActivation config.Trilean `mapstructure:"socket_activation"`
	// Worker processes; 0 is single mode. Defaults to 2. An instance value
	// named WEB_CONCURRENCY overrides it.
	Workers *int `mapstructure:"workers"`
	// Fewest threads of a worker. Defaults to `max_threads`. An instance value
	// named RAILS_MIN_THREADS overrides it.
	MinThreads int `mapstructure:"min_threads"`
	// Most threads of a worker. Defaults to 5. An instance value named
	// RAILS_MAX_THREADS overrides it.
	MaxThreads int `mapstructure:"max_threads"`
	// Load the app before forking workers: less memory, but workers can then
	// not be replaced one by one. Defaults to `false`.
	PreloadApp bool `mapstructure:"preload_app"`
	// What `systemctl --user reload` does. `phased` (the default) replaces
	// worker by worker (USR1), so that some always answer. `restart` restarts
	// puma in place (USR2): requests wait while the app starts. With
	// `workers = 0` or `preload_app`, only `restart` works, and has to be
	// written.
	Reload string `mapstructure:"reload"`
	// What a healthy puma answers. Left out, `/` has to answer 200.
	Health *Health `mapstructure:"health"`

	Process `mapstructure:",squash"`
}

// Sidekiq is a user service named `APP_sidekiq_STAGE`, or
// `APP_sidekiq_STAGE.NAME`, as capistrano-sidekiq 3 names it. When it stops,
// it fetches no more jobs, and what still runs after `timeout` is given back
// to Redis.
type Sidekiq struct {
	// Tells several of an app apart; the first one needs none. For
	// capistrano-sidekiq it is the config file's name without `.yml`.
	Name string `mapstructure:"name"`
	// The sidekiq version in `Gemfile.lock`, for example `7.3.2`. From 6.0.6
	// on the unit is `Type=notify`. Left out, the unit is `Type=simple`, which
	// works with any.
	Version string `mapstructure:"version"`
	// `simple` or `notify`, to overrule what `version` decides. `notify`
	// needs sidekiq 6.0.6.
	Type string `mapstructure:"type"`
	// The unit's name without `.service`.
	UnitName string `mapstructure:"unit_name"`
	// Sidekiq's configuration file, relative to the release, for example
	// `config/sidekiq_critical.yml`. Left out, Sidekiq reads
	// `config/sidekiq.yml` if there is one. What is set here goes before it.
	Config string `mapstructure:"config"`
	// Queues, each with its weight behind a comma or without: `critical,2`.
	// Left out, the configuration file decides, and without one it is
	// `default`.
	Queues []string `mapstructure:"queues"`
	// Threads that run jobs. Left out, the configuration file or an instance
	// value named RAILS_MAX_THREADS decides.
	Concurrency int `mapstructure:"concurrency"`
	// How long running jobs get at a stop before they are given back to
	// Redis. Defaults to `25s`. `stop_timeout` has to be longer.
	Timeout string `mapstructure:"timeout"`
	// How long a stop waits before that for jobs to end by themselves, while
	// Sidekiq is quiet (TSTP) and fetches no more. It ends as soon as no job
	// runs, but not before 10 s. Defaults to `0s`: the stop begins at once,
	// which makes Sidekiq fetch no more jobs, too.
	QuietTimeout string `mapstructure:"quiet_timeout"`

	Process `mapstructure:",squash"`
}

// Service is a user service named `APP_NAME_STAGE` that runs any program.
type Service struct {
	// Part of the unit's name, for example `clockwork`.
	Name string `mapstructure:"name" required:"true"`
	// The program and its arguments, started without a shell: quotes work,
	// `$`, pipes, redirections and patterns are refused. A program without a
	// path runs on the image's Ruby, as `rbenv exec` finds it; one with a path
	// from `/` runs as it is.
	Command string `mapstructure:"command" required:"true"`
	// `simple` (the default), `exec`, which counts a start as failed when the
	// program cannot be run, or `notify` for a program that tells systemd when
	// it is ready.
	Type string `mapstructure:"type"`
	// The unit's name without `.service`. Defaults to `APP_NAME_STAGE`.
	UnitName string `mapstructure:"unit_name"`

	Process `mapstructure:",squash"`
}

// Health is an HTTP request that monit and `deployhost wait` make.
type Health struct {
	// Path and query. Defaults to `/`. Rails has `/up` from 7.1 on.
	Path string `mapstructure:"path"`
	// The Host header, for apps that answer to known names only.
	Host string `mapstructure:"host"`
	// The expected status. Defaults to 200.
	Status int `mapstructure:"status"`
	// Text that the body must hold; not for a puma without a port. Left out,
	// any body will do.
	Content string `mapstructure:"content"`
}
