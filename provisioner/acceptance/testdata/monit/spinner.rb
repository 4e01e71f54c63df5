# Takes a processor once, when it is told to.
loop do
  sleep 0.2
  next unless File.exist?("/home/deploy/spin")

  File.delete("/home/deploy/spin")
  loop {}
end
