# A service of the app's own.
$stdout.sync = true
puts "tick in #{ENV.fetch("CELL")}"
sleep
