# An app without Ruby, baked with whatever instance values a case needs.

variable "cloud" {
  type = string
}

variable "values" {
  type        = map(string)
  description = "An instance value's name to where it is from."
}

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    user {
      authorized_keys = [var.deploy_public_key]
    }

    app {
      name = "tiny"

      service {
        name    = "web"
        command = "/usr/bin/python3 witness.py web"
      }
      service {
        name    = "worker"
        command = "/usr/bin/python3 witness.py worker"
      }
    }

    monit {
      interval = "2s"
    }

    instance {
      cloud = var.cloud

      dynamic "value" {
        for_each = var.values
        content {
          name     = value.key
          from     = value.value
          required = contains(["SECRET", "INSTANCE"], value.key)
          default  = value.key == "CELL" ? "untagged" : null
        }
      }
      file {
        template = "${path.root}/secret.conf"
        path     = "config/secret.conf"
      }
    }
  }
}
