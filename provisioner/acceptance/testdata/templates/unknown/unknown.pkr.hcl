# Everything that validate does not know yet.

variable "deploy_public_key" {
  type = string
}

data "null" "name" {
  input = "shop"
}

data "null" "path" {
  input = "/srv/shop"
}

data "null" "key" {
  input = var.deploy_public_key
}

source "null" "none" {
  communicator = "none"
}

build {
  sources = ["source.null.none"]

  provisioner "deployhost" {
    user {
      authorized_keys = [data.null.key.output]
    }

    ruby {
      method  = "system"
      version = "3.1"
    }

    app {
      name      = data.null.name.output
      deploy_to = data.null.path.output
      env       = { BUILD = build.ID, HOST_NAME = build.Host }
      puma {}
    }

    instance {
      value {
        name = "CELL"
        from = "tag:${data.null.name.output}"
      }
    }
  }
}
