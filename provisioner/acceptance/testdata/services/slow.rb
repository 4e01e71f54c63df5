# Writes a line ten times a second, and takes twelve seconds to stop.
$stdout.sync = true
stopping = false
trap("TERM") { stopping = true }
1.step do |n|
  puts "line #{n}"
  break if stopping

  sleep 0.1
end
sleep 12
File.write(File.expand_path("~/ended"), "in order")
