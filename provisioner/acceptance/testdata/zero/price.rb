module Price
  VERSION = File.read(File.join(__dir__, "VERSION")).strip
end
