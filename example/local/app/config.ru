# The smallest app that shows where its values came from.
require "json"
require "yaml"

run lambda { |env|
  next [200, { "content-type" => "text/plain" }, ["healthy\n"]] if env["PATH_INFO"] == "/up"

  body = {
    instance_id: ENV.fetch("INSTANCE_ID"),
    cell: ENV.fetch("CELL"),
    cell_file: YAML.load_file("config/cell.yml").fetch("cell"),
    greeting: ENV.fetch("GREETING"),
    threads: ENV.fetch("RAILS_MAX_THREADS"),
    pid: Process.pid
  }
  [200, { "content-type" => "application/json" }, [JSON.generate(body)]]
}
