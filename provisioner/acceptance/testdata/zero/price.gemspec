Gem::Specification.new do |spec|
  spec.name = "price"
  spec.version = File.read(File.join(__dir__, "VERSION")).strip
  spec.summary = "Tells its version."
  spec.authors = ["The shop"]
  spec.files = ["VERSION", "price.rb"]
  spec.require_path = "."
end
