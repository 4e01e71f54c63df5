abort "this release cannot start" if File.exist?("broken")

require_relative "config/environment"
run Rails.application
