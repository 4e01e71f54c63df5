# An Ubuntu 24.04 AMI becomes one for the app "shop": see README.md.

packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.2.9"
    }
    deployhost = {
      source  = "github.com/deployhost/deployhost"
      version = ">= 0.1.0"
    }
  }
}

variable "region" {
  description = "Where the AMI is made."
  type        = string
  default     = "eu-central-1"
}

source "amazon-ebs" "ubuntu" {
  region        = var.region
  instance_type = "t3.small"
  ami_name      = "shop-${formatdate("YYYYMMDD-hhmmss", timestamp())}"
  imds_support  = "v2.0"

  source_ami_filter {
    filters = {
      name                = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
    owners      = ["099720109477"] # Canonical
    most_recent = true
  }

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  communicator                = "ssh"
  ssh_username                = "ubuntu"
  ssh_clear_authorized_keys   = true
  temporary_key_pair_type     = "ed25519"
  associate_public_ip_address = true
}

build {
  sources = ["source.amazon-ebs.ubuntu"]

  provisioner "deployhost" {
    user {
      authorized_keys_files = ["${path.root}/keys/team.pub"]
    }

    # Without a method, the version is compiled, once: docs/ruby.md.
    ruby {
      method  = "system"
      version = "3.2" # what Ubuntu 24.04 packages
    }

    app {
      name        = "shop"
      environment = "production"
      puma {
        version = "6.6"
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
        name = "REGION"
        from = "region"
      }
      value {
        name = "WEB_CONCURRENCY"
        from = "cpus"
      }
    }
  }
}
