# The image that most tests boot, but with values that need no cloud-init, whose
# own time at boot differs by more than what is measured here.

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

      puma {
        version = "5.6"
        workers = 1
        health {
          path    = "/up"
          content = "healthy"
        }
      }
    }

    monit {
      interval = "30s"
    }

    instance {
      cloud = "none"
      value {
        name     = "INSTANCE_ID"
        from     = "hostname"
        required = true
      }
      value {
        name      = "DATABASE_URL"
        from      = "file:/etc/shop/database-url"
        required  = true
        sensitive = true
      }
    }
  }
}
