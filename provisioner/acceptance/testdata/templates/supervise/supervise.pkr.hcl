# Three apps under one deploy user: one that gets broken, one beside it that
# nothing may happen to, and one that is never deployed.

variable "ruby" {
  type = string
}

variable "puma" {
  type = string
}

variable "start_timeout" {
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
        version       = var.puma
        workers       = 1
        start_timeout = var.start_timeout
        stop_timeout  = "2s"
        health {
          path    = "/up"
          content = "healthy"
        }
      }
      service {
        name    = "clock"
        command = "/bin/sleep infinity"
      }
    }

    app {
      name = "desk"

      puma {
        version       = var.puma
        workers       = 0
        port          = 3001
        reload        = "restart"
        start_timeout = var.start_timeout
        health {
          path    = "/up"
          content = "healthy"
        }
      }
      service {
        name    = "minder"
        command = "/bin/sleep infinity"
      }
    }

    app {
      name = "later"

      puma {
        version       = var.puma
        workers       = 0
        port          = 3002
        reload        = "restart"
        start_timeout = var.start_timeout
      }
    }

    monit {
      interval = "2s"
    }
  }
}
