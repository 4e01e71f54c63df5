# A Debian 12 cloud image becomes a host for the app "shop": see README.md.

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

variable "image" {
  description = "A Debian 12 cloud image: a file, or a URL together with image_checksum."
  type        = string
  default     = "debian-12-genericcloud-amd64.qcow2"
}

variable "image_checksum" {
  description = "sha512:…, or none for a file that you have checked yourself."
  type        = string
  default     = "none"
}

variable "accelerator" {
  description = "kvm where the machine has it; tcg works everywhere, slowly."
  type        = string
  default     = "kvm"
}

locals {
  # Known to this build only: its user is gone before the image is.
  password = uuidv4()
}

source "qemu" "debian" {
  disk_image       = true
  iso_url          = var.image
  iso_checksum     = var.image_checksum
  accelerator      = var.accelerator
  cpus             = 2
  memory           = 2048
  disk_size        = "8G"
  format           = "qcow2"
  headless         = true
  net_device       = "virtio-net"
  output_directory = "${path.root}/build"
  vm_name          = "shop.qcow2"

  cd_label = "cidata"
  cd_content = {
    "meta-data" = "instance-id: bake\n"
    "user-data" = templatefile("user-data.pkrtpl.yml", { password = local.password })
  }

  communicator = "ssh"
  ssh_username = "bake"
  ssh_password = local.password
  ssh_timeout  = "10m"

  # What only the build needed must not be in the image: its user, its way in,
  # and cloud-init's memory of it.
  shutdown_command = "sudo sh -c 'rm -f /etc/sudoers.d/90-cloud-init-users /etc/ssh/sshd_config.d/50-cloud-init.conf; cloud-init clean --logs; userdel -rf bake; shutdown -P now'"
}

build {
  sources = ["source.qemu.debian"]

  provisioner "deployhost" {
    user {
      authorized_keys_files = ["${path.root}/keys/team.pub"]
    }

    ruby {
      method  = "system"
      version = "3.1" # what Debian 12 packages
    }

    app {
      name        = "shop"
      environment = "production"
      puma {
        health {
          path = "/up"
        }
      }
    }

    monit {
      interval = "30s"
    }

    instance {
      value {
        name = "INSTANCE_ID"
        from = "instance_id"
      }
      value {
        name = "WEB_CONCURRENCY"
        from = "cpus"
      }
    }
  }
}
