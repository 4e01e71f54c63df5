# A Ruby that is compiled on the machine. What a test leaves empty keeps its default.

variable "versions" {
  type = list(string)
}

variable "definition" {
  type    = string
  default = ""
}

variable "mirror" {
  type    = string
  default = ""
}

variable "tarball" {
  type    = string
  default = ""
}

variable "commits" {
  type    = list(string) # of rbenv and of ruby-build, in /srv/git; none for the distribution's packages
  default = []
}

variable "build_dependencies" {
  type    = string
  default = ""
}

variable "gems" {
  type    = list(string)
  default = []
}

variable "gem_source" {
  type    = string
  default = ""
}

variable "bundler" {
  type    = string
  default = ""
}

variable "cflags" {
  type    = string
  default = ""
}

variable "jemalloc" {
  type    = bool
  default = false
}

variable "yjit" {
  type    = bool
  default = false
}

variable "writable" {
  type    = bool
  default = false
}

variable "cache_dir" {
  type = string
}

variable "cache" {
  type    = string
  default = ""
}

build {
  sources = ["source.null.container"]

  provisioner "deployhost" {
    user {
      authorized_keys = [var.deploy_public_key]
    }

    ruby {
      version            = var.versions[0]
      more_versions      = slice(var.versions, 1, length(var.versions))
      definition         = var.definition
      mirror             = var.mirror
      tarball            = var.tarball
      configure_options  = ["--disable-install-doc"]
      build_dependencies = var.build_dependencies
      gems               = var.gems
      gem_source         = var.gem_source
      bundler            = var.bundler
      cflags             = var.cflags
      jemalloc           = var.jemalloc
      yjit               = var.yjit
      writable           = var.writable
      cache_dir          = var.cache_dir
      cache              = var.cache

      dynamic "rbenv" {
        for_each = slice(var.commits, 0, min(length(var.commits), 1))
        content {
          url    = "/srv/git/rbenv.git"
          ref    = "v1"
          commit = rbenv.value
        }
      }

      dynamic "ruby_build" {
        for_each = slice(var.commits, min(length(var.commits), 1), length(var.commits))
        content {
          url    = "/srv/git/ruby-build.git"
          ref    = "v1"
          commit = ruby_build.value
        }
      }
    }

    app {
      name = "shop"
      service {
        name    = "clock"
        command = "ruby -e sleep"
      }
    }

    monit {
      policy = "systemd"
    }
  }
}
