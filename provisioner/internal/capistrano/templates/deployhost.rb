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
{{- with .Sidekiq}}

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
  desc "Wait until the app is healthy on every server"
  task :healthy do
    if (timeout = fetch(:deployhost_wait))
      on release_roles(:all) do
        execute :deployhost, "wait", fetch(:application), "--healthy", "--timeout", timeout
      end
    end
  end

  # rake and rails run with what the app's services run with, this instance's
  # values included.
  task :map_bins do
    %i[rake rails].each do |command|
      SSHKit.config.command_map.prefix[command].unshift("deployhost exec #{fetch(:application)} --")
    end
  end
end

# capistrano-puma 5 restarts only now, and 6 has done so before.
after "deploy:finished", "deployhost:healthy" if Rake::Task.task_defined?("deploy:finished")

# In front of "rbenv exec", which would look for deployhost among Ruby's programs.
if Rake::Task.task_defined?("rbenv:map_bins")
  after "rbenv:map_bins", "deployhost:map_bins"
else
  Rake::Task["deployhost:map_bins"].invoke
end
