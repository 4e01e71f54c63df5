# The gems that an app would use are not packaged. These tasks do to a host
# what theirs do: capistrano-rbenv's rbenv:map_bins, capistrano-puma's
# defaults, its restart with the hooks of version 5 or 6, and its installation,
# which has to be kept from the unit.

namespace :load do
  task :defaults do
    set :puma_systemctl_user, :system
    set :puma_service_unit_name, -> { "puma_#{fetch(:application)}_#{fetch(:stage)}" }
    set :puma_enable_lingering, -> { fetch(:puma_systemctl_user) != :system }
  end
end

namespace :rbenv do
  task :map_bins do
    root = { system: "/usr/local/rbenv", user: "~/.rbenv" }.fetch(fetch(:rbenv_type))
    SSHKit.config.default_env[:rbenv_root] = root
    SSHKit.config.default_env[:rbenv_version] = fetch(:rbenv_ruby)
    SSHKit.config.command_map.prefix[:rake].unshift("#{root}/bin/rbenv exec")
  end
end
stages.each { |stage| after stage, "rbenv:map_bins" }

# capistrano-sidekiq's, by which the file knows that it is loaded.
namespace :sidekiq do
  task :restart
end

namespace :puma do
  task :install do
    on(roles(:app)) { execute :rm, ".config/systemd/user/#{fetch(:puma_service_unit_name)}.service" }
  end

  task :smart_restart do
    manager = fetch(:puma_systemctl_user) == :system ? [:sudo, :systemctl] : [:systemctl, "--user"]
    on roles(:app) do
      execute(*manager, fetch(:puma_phased_restart) ? "reload" : "restart", fetch(:puma_service_unit_name))
    end
  end
end
after({ "5" => "deploy:finished", "6" => "deploy:published" }.fetch(ENV["GEMS"]), "puma:smart_restart")
