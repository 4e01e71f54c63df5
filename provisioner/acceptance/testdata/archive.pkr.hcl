# A Ruby from an archive, on an image that has its shared libraries.

variable "host" {
  type = string
}

variable "private_key_file" {
  type = string
}

variable "deploy_public_key" {
  type = string
}

variable "archive" {
  type = string
}

variable "sha256" {
  type = string
}

variable "ruby_version" {
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
    user {
      authorized_keys = [var.deploy_public_key]
    }

    ruby {
      method  = "archive"
      version = var.ruby_version
      archive = var.archive
      sha256  = var.sha256
    }

    app {
      name = "shop"
      puma {}
    }
  }
}
