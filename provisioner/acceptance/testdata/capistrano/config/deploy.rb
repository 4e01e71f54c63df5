set :application, ENV.fetch("APP", "shop")
set :repo_url, "/home/deploy/source"
set :local_user, "somebody"

load File.expand_path("deployhost.rb", __dir__)

# A test has no time for a release that never answers.
set :deployhost_wait, ENV["WAIT"] if ENV["WAIT"]

# What assets:precompile and db:migrate are to a Rails app.
task :prepare do
  on roles(:app) do
    within(release_path) { execute :rake, "prepare" }
  end
end
after "deploy:updated", :prepare

# For the test: everything that Capistrano has now.
task :settings do
  require "json"
  puts JSON.generate(env.keys.to_h { |key| [key, fetch(key)] })
end
