# A web app alone, on whichever Debian release.

variable "host" {
  type = string
}

variable "private_key_file" {
  type = string
}

variable "deploy_public_key" {
  type = string
}

variable "ruby" {
  type = string
}

variable "puma" {
  type = string
}

variable "type" {
  type = string
}

source "null" "container" {
  ssh_host             = var.host
  ssh_username         = "packer"
  ssh_private_key_file = var.private_key_file
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
