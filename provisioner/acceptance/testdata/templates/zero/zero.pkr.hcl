# A web app alone, on whichever Debian release.

variable "ruby" {
  type = string
}

variable "puma" {
  type = string
}

variable "type" {
  type = string
}

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    packages = ["puma", "ruby-rack", "ruby-sd-notify"]

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
        version = var.puma
        type    = var.type
        health {
          path = "/up"
        }
      }
    }

    monit {
      interval = "2s"
    }
  }
}
