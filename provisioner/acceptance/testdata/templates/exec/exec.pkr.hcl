# A value from a program that another provisioner has put into the image.

build {
  sources = ["source.null.container"]

  provisioner "file" {
    source      = "${path.root}/database-url"
    destination = "/tmp/database-url"
  }

  provisioner "shell" {
    inline = ["sudo install -m 0755 /tmp/database-url /usr/local/bin/"]
  }

  provisioner "deployhost" {
    packages = ["puma", "ruby-rack"]

    user {
      authorized_keys = [var.deploy_public_key]
      groups          = ["users"]
    }

    ruby {
      method  = "system"
      version = "3.1"
    }

    app {
      name = "shop"
      env  = { GREETING = "hello" }
      puma { version = "5.6" }
    }

    instance {
      timeout = "4s"
      value {
        name     = "INSTANCE_ID"
        from     = "instance_id"
        required = true
      }
      value {
        name    = "CELL"
        from    = "metadata:cell"
        default = "fallback"
      }
      value {
        name      = "DATABASE_URL"
        from      = "exec:/usr/local/bin/database-url"
        network   = true
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
