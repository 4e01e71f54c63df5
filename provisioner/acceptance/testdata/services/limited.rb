# Tells how it was started.
File.write("started", [ENV.fetch("WHO"), *ARGV].join("|"))
sleep
