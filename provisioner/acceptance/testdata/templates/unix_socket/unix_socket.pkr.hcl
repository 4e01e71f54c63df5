# Three apps behind nginx: one on a unix socket, one on a port as well, and one
# on a unix socket that puma makes by itself.

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    packages = ["puma", "ruby-rack", "nginx-light", "curl"]

    user {
      authorized_keys = [var.deploy_public_key]
    }

    ruby {
      method  = "system"
      version = "3.1"
    }

    app {
      name = "shop"

      puma {
        version       = "5.6"
        workers       = 1
        unix_socket   = "tmp/sockets/puma.sock"
        start_timeout = "8s"
        stop_timeout  = "2s"
        health {
          path = "/up"
        }
      }
    }

    app {
      name = "desk"

      puma {
        version       = "5.6"
        workers       = 0
        reload        = "restart"
        port          = 3000
        unix_socket   = "tmp/sockets/puma.sock"
        start_timeout = "8s"
        health {
          path    = "/up"
          content = "healthy"
        }
      }
    }

    app {
      name        = "plain"
      linked_dirs = ["log"]

      puma {
        version           = "5.6"
        workers           = 0
        reload            = "restart"
        unix_socket       = "web/puma.sock"
        socket_activation = false
        start_timeout     = "8s"
        health {
          path = "/up"
          host = "plain.example"
        }
      }
    }

    monit {
      interval = "2s"
    }
  }
}
