set :application, "shop"
set :repo_url, "/home/deploy/source"
set :local_user, "somebody"

# No gem server: the distribution's gems, and vendor/cache.
set :bundle_config, { "frozen" => "true", "without" => "development" }
set :bundle_flags, %w[--local --quiet]

load File.expand_path("deployhost.rb", __dir__)

# A test has no time for a release that never starts.
set :deployhost_wait, ENV["WAIT"] if ENV["WAIT"]
