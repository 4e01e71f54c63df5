# Tells which process answers, of which release, and with which gem.
require "json"
require "price"

revision = File.read("REVISION").strip

run lambda { |env|
  case env["PATH_INFO"]
  when "/up"
    [200, { "content-type" => "text/plain" }, ["healthy\n"]]
  when "/slow"
    sleep 0.3 # some work that a restart must not cut off
    [200, { "content-type" => "text/plain" }, ["done\n"]]
  else
    body = { pid: Process.pid, parent_pid: Process.ppid, revision: revision, gem: Price::VERSION }
    [200, { "content-type" => "application/json" }, [JSON.generate(body)]]
  end
}
