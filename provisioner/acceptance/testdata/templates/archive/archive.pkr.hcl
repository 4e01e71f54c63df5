# A Ruby from an archive, on an image that has its shared libraries.

variable "archive" {
  type = string
}

variable "sha256" {
  type = string
}

# Where a URL's archive is kept.
variable "cache_dir" {
  type = string
}

variable "ruby_version" {
  type = string
}

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    user {
      authorized_keys = [var.deploy_public_key]
    }

    ruby {
      method    = "archive"
      version   = var.ruby_version
      archive   = var.archive
      sha256    = var.sha256
      cache_dir = var.cache_dir
    }

    app {
      name = "shop"
      puma {}
    }
  }
}
