# The golden root of a fleet: an app light enough for fifty of it on two cores.

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    user {
      authorized_keys = [var.deploy_public_key]
    }

    app {
      name = "shop"

      service {
        name    = "web"
        command = "/usr/bin/python3 web.py"
      }
    }

    monit {
      policy = "systemd"
    }

    instance {
      value {
        name     = "INSTANCE_ID"
        from     = "instance_id"
        required = true
      }
      value {
        name     = "CELL"
        from     = "tag:cell"
        pattern  = "^[a-z0-9-]+$"
        required = true
      }
      value {
        name     = "HOST"
        from     = "hostname"
        required = true
      }
      value {
        name     = "ADDRESS"
        from     = "private_ip"
        required = true
      }
      file {
        template = "${path.root}/../cell.yml"
        path     = "config/cell.yml"
      }
    }
  }

  # No two instances may have the machine-id that the first boot made.
  provisioner "shell" {
    inline = ["sudo truncate --size=0 /etc/machine-id"]
  }
}
