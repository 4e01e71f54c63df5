# A host that real Capistrano deploys to, onto the image that most tests boot.

variable "capistrano" {
  type = string
}

# Another one than the image has, for a build that has to fail.
variable "uid" {
  type    = number
  default = 2000
}

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    packages   = ["git", "puma", "ruby-rack"]
    capistrano = var.capistrano

    user {
      uid             = var.uid
      authorized_keys = [var.deploy_public_key]
    }

    ruby {
      method  = "system"
      version = "3.1"
    }

    app {
      name = "shop"

      puma {
        version       = "5.6"
        unit_name     = "storefront"
        workers       = 1
        preload_app   = true
        reload        = "restart"
        start_timeout = "8s"
      }
    }

    app {
      name = "jobs"

      sidekiq {}
      sidekiq {
        name = "mail"
      }
    }

    instance {
      value {
        name    = "CELL"
        from    = "metadata:cell"
        default = "fallback"
      }
      file {
        app      = "shop"
        template = "${path.root}/../cell.yml"
        path     = "config/cell.yml"
      }
    }
  }
}
