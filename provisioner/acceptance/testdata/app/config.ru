# Tells where its values came from.
require "json"
require "yaml"

revision = File.read("REVISION").strip

run lambda { |env|
  next [200, { "content-type" => "text/plain" }, ["healthy\n"]] if env["PATH_INFO"] == "/up"

  body = {
    instance_id: ENV.fetch("INSTANCE_ID"),
    cell: ENV.fetch("CELL"),
    cell_file: YAML.load_file("config/cell.yml").fetch("cell"),
    label: ENV.fetch("LABEL", "none was written"),
    database_url: ENV.fetch("DATABASE_URL"),
    greeting: ENV.fetch("GREETING"),
    revision: revision,
    rbenv_version: ENV.fetch("RBENV_VERSION"),
    parent_pid: Process.ppid
  }
  [200, { "content-type" => "application/json" }, [JSON.generate(body)]]
}
