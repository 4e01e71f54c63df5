require "bundler/setup"
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "active_job/railtie"
Bundler.require(*Rails.groups)

module Shop
  class Application < Rails::Application
    config.load_defaults 7.2
    config.eager_load = true
    config.active_job.queue_adapter = :sidekiq
    # Without it nothing of the app starts, Rake neither.
    config.secret_key_base = ENV.fetch("SECRET_KEY_BASE")
    config.logger = Logger.new($stdout)
  end
end
