# Tells how it was started.
$stdout.sync = true
puts "limited says hello"
File.write("started", [ENV.fetch("WHO"), *ARGV].join("|"))
sleep
