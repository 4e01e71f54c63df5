# Gets broken by request, and stays so until it is started anew.
revision = File.read("REVISION")
# How long this release takes to start.
sleep Float(File.read("BOOT")) if File.exist?("BOOT")

answer = ->(status, body) { [status, { "content-type" => "text/plain" }, [body]] }
health = -> { answer[200, "healthy\n"] }

run lambda { |env|
  case env["PATH_INFO"]
  when "/up" then next health.call
  when "/revision" then next answer[200, revision]
  when "/break/hang" then health = -> { sleep }
  when "/break/error" then health = -> { answer[500, "healthy\n"] }
  when "/break/body" then health = -> { answer[200, "closed for repairs\n"] }
  else next answer[404, "nothing is here\n"]
  end
  answer[200, "broken\n"]
}
