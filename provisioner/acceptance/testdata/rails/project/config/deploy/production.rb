server ENV.fetch("DEPLOY_TO", "192.0.2.1"), user: "deploy", roles: %w[app db web worker],
  ssh_options: { keys: ["/srv/project/key"], keys_only: true, verify_host_key: :never }
