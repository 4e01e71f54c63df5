# Baked by packer-plugin-deployhost; change the Packer template instead.
# The current link, not the release it points to: a reload then finds the next one.
directory "{{.Current}}"
{{- range .Listeners}}
bind "{{.Bind}}"
{{- end}}
pidfile "{{.PidFile}}"

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
{{- end}}
