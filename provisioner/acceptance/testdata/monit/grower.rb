# Takes 200 MB once, when it is told to.
loop do
  if File.exist?("/home/deploy/grow")
    File.delete("/home/deploy/grow")
    kept = "x" * (200 << 20)
  end
  sleep 0.2
end
