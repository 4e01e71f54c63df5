# One job, which tells when it began and when it ended.
require "sidekiq"

class SlowJob
  include Sidekiq::Worker

  def perform(path, seconds)
    File.write(path, "began by #{ENV.fetch("GREETING")}\n")
    sleep seconds
    File.write(path, "ended\n", mode: "a")
  end
end
