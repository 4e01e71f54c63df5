# Bakes a Debian image into a deploy host, in a virtual machine on this
# computer. `make bake` builds everything that it needs and runs it.

packer {
  required_plugins {
    deployhost = {
      source  = "github.com/deployhost/deployhost"
      version = ">= 0.1.0"
    }
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = ">= 1.0.9"
    }
  }
}

variable "base_image" {
  type        = string
  description = "A qcow2 image with systemd, sshd, cloud-init and a user `packer` with passwordless sudo."
}

variable "kernel" {
  type        = string
  description = "The image's own kernel."
}

variable "initrd" {
  type        = string
  description = "The image's own initial RAM disk."
}

variable "kernel_command_line" {
  type    = string
  default = "root=/dev/vda rw console=ttyS0 net.ifnames=0"
}

variable "ssh_private_key_file" {
  type        = string
  description = "The private key of the image's user `packer`."
}

variable "deploy_public_key" {
  type        = string
  description = "A public key that may log in as the deploy user."
}

variable "accelerator" {
  type        = string
  default     = "kvm"
  description = "`kvm`, or `tcg` where the machine cannot virtualise."
}

variable "output_directory" {
  type    = string
  default = "build"
}

source "qemu" "debian" {
  accelerator          = var.accelerator
  cpu_model            = var.accelerator == "kvm" ? "host" : "max"
  cpus                 = 2
  memory               = 2048
  disk_image           = true
  iso_url              = var.base_image
  iso_checksum         = "none"
  format               = "qcow2"
  skip_resize_disk     = true
  headless             = true
  output_directory     = var.output_directory
  vm_name              = "golden.qcow2"
  ssh_username         = "packer"
  ssh_private_key_file = var.ssh_private_key_file
  ssh_timeout          = "10m"
  shutdown_command     = "sudo systemctl poweroff"
  qemuargs = [
    ["-kernel", var.kernel],
    ["-initrd", var.initrd],
    ["-append", var.kernel_command_line],
  ]
}

build {
  sources = ["source.qemu.debian"]

  provisioner "deployhost" {
    packages = ["puma", "ruby-rack"]

    user {
      authorized_keys = [var.deploy_public_key]
    }

    ruby {
      method  = "system"
      version = "3.1"
    }

    app {
      name = "shop"
      env  = { GREETING = "100% ready" }

      puma {
        version       = "5.6"
        workers       = 1
        start_timeout = "30s"
        memory_max    = "512M"
        cpu_quota     = "150%"
        tasks_max     = 64
        health {
          path    = "/up"
          content = "healthy"
        }
      }
    }

    monit {
      interval = "5s"
    }

    instance {
      value {
        name     = "INSTANCE_ID"
        from     = "instance_id"
        required = true
      }
      value {
        name    = "CELL"
        from    = "metadata:cell"
        pattern = "^[a-z0-9-]+$"
        default = "none"
      }
      value {
        name = "RAILS_MAX_THREADS"
        from = "cpus"
      }
      file {
        template = "${path.root}/templates/cell.yml"
        path     = "config/cell.yml"
      }
    }
  }

  # A first release, so that an instance serves as soon as it has booted. Later
  # ones come from Capistrano, over ssh, with no sudo.
  provisioner "file" {
    source      = "${path.root}/app"
    destination = "/tmp/release"
  }

  provisioner "shell" {
    inline = ["sudo -Hu deploy sh /tmp/release/first-release.sh /tmp/release", "rm -r /tmp/release"]
  }
}
