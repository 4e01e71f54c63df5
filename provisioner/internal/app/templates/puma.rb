# Baked by packer-plugin-deployhost; change the Packer template instead.
# The current link, not the release it points to: a reload then finds the next one.
directory "{{.Current}}"
{{- range .Listeners}}
bind "{{.Bind}}"
{{- end}}
pidfile "{{.PidFile}}"
# For `deployhost wait --current` and `pumactl -C`. The directory is the deploy
# user's alone, which serves better than a token.
activate_control_app "unix://{{.Control}}", { no_token: true }

max_threads = Integer(ENV.fetch("RAILS_MAX_THREADS", "{{.Puma.MaxThreads}}"))
# An instance that lowers the most must not end up below the fewest.
threads [Integer(ENV.fetch("RAILS_MIN_THREADS", "{{.Puma.MinThreads}}")), max_threads].min, max_threads
{{- if .Puma.Workers}}

workers Integer(ENV.fetch("WEB_CONCURRENCY", "{{.Puma.Workers}}"))
{{- if .Puma.Preload}}
preload_app!
{{- else}}
# A phased restart loads the new release in each new worker.
preload_app! false
{{- end}}
{{- if .Puma.Phased}}

# Each new worker also loads the gems of its own release: puma keeps its own
# process free of them by running puma-wild without Bundler, which Debian's
# package of puma leaves out. It clears Bundler's variables, so settings in
# those rule it out; settings in files do not.
settings = defined?(Bundler) ? Bundler.original_env.keys.grep(/\ABUNDLE_/) - %w[BUNDLE_GEMFILE BUNDLE_APP_CONFIG] : []
prune_bundler settings.empty? && $LOAD_PATH.any? { |dir| File.exist?("#{dir}/../bin/puma-wild") }
{{- if .Puma.Notify}}
# Puma 6.1 needs no such gem any more.
extra_runtime_dependencies ["sd_notify"] if Gem.loaded_specs.key?("sd_notify")

# A reload is not announced to systemd. It does not end while the release cannot
# start, and until then systemd would not even run the reload that brings one
# that can, whatever TimeoutStartSec says (seen with systemd 257).
begin
  require "puma/sd_notify" # from 6.1 on
rescue LoadError
  require "sd_notify"
end
(defined?(Puma::SdNotify) ? Puma::SdNotify : SdNotify).define_singleton_method(:reloading) { |*| }
{{- end}}
{{- end}}

# The unit's stop time-out is the one that counts, for a worker that a phased
# restart replaces, too.
worker_shutdown_timeout {{.Puma.ShutdownSec}}
{{- end}}
