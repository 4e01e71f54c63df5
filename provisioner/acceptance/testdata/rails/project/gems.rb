# capistrano-bundler and capistrano-rails are not packaged. These tasks do to a
# host what theirs do, at the same moments.

namespace :bundler do
  task :config do
    on(release_roles(:all)) { within(release_path) { fetch(:bundle_config).each { |name, value| execute :bundle, "config", "set", "--local", name, value } } }
  end

  task install: :config do
    on(release_roles(:all)) { within(release_path) { execute :bundle, "install", *fetch(:bundle_flags) } }
  end

  task :map_bins do
    %i[gem rake rails].each { |command| SSHKit.config.command_map.prefix[command].push("bundle exec") }
  end
end
stages.each { |stage| after stage, "bundler:map_bins" }
before "deploy:updated", "bundler:install"

{ "assets:precompile" => :web, "db:migrate" => :db }.each do |name, role|
  task "deploy:#{name}" do
    on(release_roles(role)) { within(release_path) { with(rails_env: fetch(:rails_env)) { execute :rake, name } } }
  end
  after "deploy:updated", "deploy:#{name}"
end
