# Tells which release it is, and what it found.
require "json"
require "yaml"

abort "this release is broken" if File.exist?("broken")

body = {
  revision: File.read("REVISION").strip,
  cell: File.read("prepared"),
  cell_file: YAML.load_file("config/cell.yml").fetch("cell"),
  rbenv_version: ENV.fetch("RBENV_VERSION")
}
run lambda { |_env| [200, { "content-type" => "application/json" }, [JSON.generate(body)]] }
