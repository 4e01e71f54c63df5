# What monit can be told: whom it alerts, ceilings, and when it gives up.

variable "ruby" {
  type = string
}

# Told of alerts; empty for mail.
variable "program" {
  type = string
}

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    packages = ["puma", "ruby-rack"]

    user {
      authorized_keys = [var.deploy_public_key]
    }

    ruby {
      method  = "system"
      version = var.ruby
    }

    app {
      name = "shop"

      puma {
        workers       = 0
        reload        = "restart"
        start_timeout = "5s"
        stop_timeout  = "2s"
        unix_socket   = "tmp/sockets/puma.sock"
        port          = 3000
        health {
          path    = "/up"
          content = "healthy"
        }
        watch {
          restart_limit = 2
        }
      }
    }

    app {
      name = "tools"

      service {
        name          = "grower"
        command       = "ruby grower.rb"
        start_timeout = "5s"
        watch {
          memory = "100M"
        }
      }
      service {
        name          = "spinner"
        command       = "ruby spinner.rb"
        start_timeout = "5s"
        watch {
          cpu          = "2%"
          exceeded_for = "8s"
        }
      }
    }

    instance {
      value {
        name      = "SECRET"
        from      = "file:/etc/shop/database-url"
        required  = true
        sensitive = true
      }
    }

    monit {
      interval      = "1s"
      alert_program = var.program

      dynamic "mail" {
        for_each = var.program == "" ? [1] : []
        content {
          to     = ["ops@example.com"]
          from   = "monit@example.com"
          server = "127.0.0.1"
          port   = 2525
        }
      }
    }
  }
}
