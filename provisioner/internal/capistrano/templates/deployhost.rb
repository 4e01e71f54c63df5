# Made by packer-plugin-deployhost: what Capistrano has to know of the image.
# The next build writes it anew; change the Packer template instead.
#
# deploy.rb loads it below `set :application`. What it sets afterwards wins.

case fetch(:application).to_s
{{- range .Apps}}
when {{literal .Name}}
  set :deploy_to, {{literal .DeployTo}}
  set :rails_env, {{literal .Environment}}
{{- with .LinkedDirs}}
  append :linked_dirs, {{list .}}
{{- end}}
{{- with .LinkedFiles}}
  # Rendered at every boot of an instance.
  append :linked_files, {{list .}}
{{- end}}
{{- with .Puma}}

  set :puma_service_unit_name, {{literal .Unit}}
  set :puma_enable_socket_service, {{.Socket}}
{{- if .Phased}}
  # Worker by worker; false for a restart.
{{- end}}
  set :puma_phased_restart, {{.Phased}}
  # How long a deploy waits for the app's health; nil for not at all.
  set :deployhost_wait, {{literal .Wait}}
{{- end}}
{{- with .Services}}

  # A deploy restarts them once puma is healthy.
  set :deployhost_services, [{{list .}}]
{{- end}}
{{- with .Sidekiq}}

  append :deployhost_services, {{list .Units}} unless Rake::Task.task_defined?("sidekiq:restart")
  set :sidekiq_service_unit_name, {{literal .Base}}
  # capistrano-sidekiq 3 knows units by the names of config files.
  set :sidekiq_config_files, [{{list .Files}}]
{{- end}}
{{- end}}
else
  raise "deployhost: the image has no application #{fetch(:application).inspect}, only: " \
        "#{[{{list .Names}}].join(', ')}. `set :application` has to name one of them, above the line that loads #{__FILE__}"
end
{{- with .RubyVersion}}

# capistrano-rbenv: /usr/local/rbenv.
set :rbenv_type, :system
set :rbenv_ruby, {{literal .}}
{{- end}}

# The units belong to the deploy user's own systemd, which lingers already:
# nothing needs sudo.
set :puma_systemctl_user, :user
set :puma_enable_lingering, false
set :service_unit_user, :user         # capistrano-sidekiq 3
set :sidekiq_service_unit_user, :user # capistrano-sidekiq 2
set :sidekiq_enable_lingering, false
set :sidekiq_lingering_user, nil

# The image has units and puma.rb; these would put others over them.
%w[puma:install puma:config puma:systemd:config sidekiq:install].each do |name|
  next unless Rake::Task.task_defined?(name)

  Rake::Task[name].clear_actions
  task(name) { abort "deployhost: #{name} would write over what the image holds; there is nothing to install" }
end

namespace :deployhost do
  # Over ssh without PAM nothing says where the user's systemd is.
  manager = { xdg_runtime_dir: {{literal .RuntimeDir}} }

  # What crashed too often a moment ago would not be started again.
  restart = lambda do |host, units|
    host.execute :systemctl, "--user", "reset-failed", *units, raise_on_non_zero_exit: false
    host.execute :systemctl, "--user", "restart", *units
  end

  desc "Let puma run the release: by a reload if that is phased and puma runs, else by a restart"
  task :puma do
    if (name = fetch(:puma_service_unit_name))
      unit = "#{name}.service"
      on release_roles(:all) do
        with(manager) do
          if fetch(:puma_phased_restart) && test(:systemctl, "--user", "--quiet", "is-active", unit)
            execute :systemctl, "--user", "reload", unit
          else
            restart.call(self, [unit])
          end
        end
      end
    end
  end

  desc "Wait until puma runs the release and is healthy, on every server"
  task :healthy do
    if (timeout = fetch(:deployhost_wait))
      on release_roles(:all) do
        execute :deployhost, "wait", fetch(:application), "--healthy", "--current", "--timeout", timeout
      end
    end
  end

  desc "Restart the app's other services, which no gem restarts"
  task :services do
    units = fetch(:deployhost_services, []).map { |name| "#{name}.service" }
    on(release_roles(:all)) { with(manager) { restart.call(self, units) } } if units.any?
  end

  # Ruby's programs are found, and run with what the app's services run with,
  # this instance's values included.
  task :map_bins do
    %i[bundle gem rake rails ruby].each do |command|
      SSHKit.config.command_map.prefix[command].unshift("deployhost exec #{fetch(:application)} --")
    end
  end
end

# In this order: a release that does not start fails the deploy before anything
# else runs it, and before old releases are removed. capistrano-puma, where it is
# loaded, restarts puma itself: version 6 at deploy:published, 5 only in the end.
puma = Rake::Task.task_defined?("puma:smart_restart")
if Rake::Task.task_defined?("deploy:published")
  steps = puma ? %w[healthy services] : %w[puma healthy services]
  steps.each { |step| after puma ? "deploy:finished" : "deploy:published", "deployhost:#{step}" }
end

# In front of "rbenv exec", which would look for deployhost among Ruby's programs.
if Rake::Task.task_defined?("rbenv:map_bins")
  after "rbenv:map_bins", "deployhost:map_bins"
else
  Rake::Task["deployhost:map_bins"].invoke
end
