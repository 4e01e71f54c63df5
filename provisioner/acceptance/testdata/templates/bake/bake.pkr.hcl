# The image that most tests boot. bake_json says the same.

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    packages = ["puma", "ruby-rack"]

    user {
      authorized_keys = [var.deploy_public_key]
    }

    ruby {
      method  = "system"
      version = "3.1"
    }

    app {
      name = "shop"
      env  = { GREETING = "100% \"ready\" $HOME" }

      puma {
        version       = "5.6"
        workers       = 1
        start_timeout = "8s"
        health {
          path    = "/up"
          content = "healthy"
        }
      }
    }

    monit {
      interval = "2s"
    }

    instance {
      value {
        name     = "INSTANCE_ID"
        from     = "instance_id"
        required = true
      }
      value {
        name    = "CELL"
        from    = "metadata:cell"
        pattern = "^[a-z0-9-]+$"
        default = "fallback"
      }
      value {
        name    = "LABEL"
        from    = "metadata:label"
        pattern = "^[a-z]+$"
      }
      value {
        name      = "DATABASE_URL"
        from      = "file:/etc/shop/database-url"
        required  = true
        sensitive = true
      }
      file {
        template = "${path.root}/../cell.yml"
        path     = "config/cell.yml"
      }
    }
  }
}
