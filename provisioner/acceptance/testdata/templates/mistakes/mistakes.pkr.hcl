# As many mistakes as fit.

source "null" "none" {
  communicator = "none"
}

build {
  sources = ["source.null.none"]

  provisioner "deployhost" {
    user {
      groups                = ["docker"]
      authorized_keys       = ["no key"]
      authorized_keys_files = ["nowhere.pub"]
    }

    app {
      name      = "My Shop"
      deploy_to = "srv/shop"
      puma {
        port = 99999
      }
    }

    app {
      name = "blog"
      env  = { DATABASE_URL = "postgres://blog:hunter2@db/blog" }
      puma {
        port = 3001
      }
    }

    instance {
      value {
        name = "LD_PRELOAD"
        from = "region"
      }
      value {
        name = "CELL"
        from = "moon"
      }
    }
  }
}
