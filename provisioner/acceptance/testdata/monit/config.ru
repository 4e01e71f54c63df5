# Well, until somebody says that it is ill.
run lambda { |_env|
  ill = File.exist?("/home/deploy/ill")
  [ill ? 500 : 200, { "content-type" => "text/plain" }, [ill ? "ill\n" : "healthy\n"]]
}
