# A Rails app with Sidekiq and a service, all of whose gems but one are packaged.

variable "capistrano" {
  type = string
}

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    packages = [
      "git", "bundler", "puma", "redis-server", "ruby-rails", "ruby-rails-propshaft", "ruby-sidekiq", "ruby-sqlite3",
    ]
    capistrano = var.capistrano

    user {
      authorized_keys = [var.deploy_public_key]
    }

    ruby {
      method  = "system"
      version = "3.3"
    }

    app {
      name        = "shop"
      linked_dirs = ["log", "tmp/pids", "public/assets"]
      # Where Bundler installs what is not packaged, since root's directories are root's.
      env = { GEM_HOME = "/home/deploy/apps/shop/shared/gems" }

      puma {
        version = "6.6"
        health {
          path = "/up"
        }
      }
      sidekiq {
        version = "7.3"
        config  = "config/sidekiq.yml"
      }
      service {
        name    = "clock"
        command = "bundle exec ruby clock.rb"
      }
    }

    instance {
      value {
        name     = "CELL"
        from     = "metadata:cell"
        required = true
      }
      value {
        name     = "DATABASE"
        from     = "metadata:database"
        required = true
      }
      value {
        name     = "REDIS_URL"
        from     = "metadata:redis"
        required = true
      }
      value {
        name      = "SECRET_KEY_BASE"
        from      = "file:/etc/shop/secret"
        required  = true
        sensitive = true
      }
      file {
        template = "${path.root}/database.yml"
        path     = "config/database.yml"
      }
    }

    monit {
      interval = "2s"
    }
  }
}
