# Two apps under one deploy user: a web app with Sidekiq, and one that only
# has services: with limits, a slow stop, and without hardening.

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    packages = ["puma", "ruby-rack", "ruby-sidekiq", "redis-server"]

    user {
      authorized_keys = [var.deploy_public_key]
    }

    ruby {
      method  = "system"
      version = "3.1"
    }

    app {
      name = "shop"
      env  = { GREETING = "hello" }

      puma {
        version = "5.6"
        workers = 0
        reload  = "restart"
      }
      sidekiq {
        version       = "6.4"
        concurrency   = 2
        queues        = ["critical,2", "default"]
        config        = "sidekiq.yml"
        timeout       = "2s"
        quiet_timeout = "40s"
      }
    }

    app {
      name = "tools"

      service {
        name       = "limited"
        command    = "ruby limited.rb 'a b' --percent=100%"
        memory_max = "64M"
        cpu_quota  = "20%"
        tasks_max  = 16
        env        = { WHO = "limited" }
        extra      = { Nice = "5" }
      }
      service {
        name    = "sleeper"
        command = "/bin/sleep infinity"
        log     = "file"
      }
      service {
        name         = "slow"
        command      = "ruby slow.rb"
        log          = "file"
        stop_timeout = "5m"
      }
      service {
        name    = "hardened"
        command = "ruby --yjit probe.rb hardened"
      }
      service {
        name    = "loose"
        command = "ruby --yjit probe.rb loose"
        extra   = { NoNewPrivileges = "no" }
      }
    }

    monit {
      interval = "2s"
    }
  }
}
