# The image that most tests boot, but with twenty values from EC2's metadata
# service.

build {
  sources = ["source.null.container"]

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
      env  = { GREETING = "100% \"ready\" $HOME" }

      puma {
        version       = "5.6"
        workers       = 1
        start_timeout = "8s"
        health {
          path    = "/up"
          content = "healthy"
        }
      }
    }

    monit {
      interval = "2s"
    }

    instance {
      cloud   = "ec2"
      timeout = "3s"
      value {
        name     = "INSTANCE_ID"
        from     = "instance_id"
        required = true
      }
      value {
        name     = "CELL"
        from     = "tag:cell"
        pattern  = "^[a-z0-9-]+$"
        required = true
      }
      value {
        name = "LABEL"
        from = "tag:label"
      }
      value {
        name    = "OWNER"
        from    = "tag:owner"
        default = "nobody"
      }
      value {
        name = "REGION"
        from = "region"
      }
      value {
        name = "ZONE"
        from = "zone"
      }
      value {
        name = "INSTANCE_TYPE"
        from = "instance_type"
      }
      value {
        name = "PUBLIC_IP"
        from = "public_ip"
      }
      value {
        name = "PRIVATE_IP"
        from = "private_ip"
      }
      value {
        name = "SUBNET"
        from = "metadata:network/interfaces/macs/0e:49:61:0f:c3:11/subnet-id"
      }
      value {
        name = "ACCOUNT"
        from = "metadata:dynamic/instance-identity/document/accountId"
      }
      value {
        name = "AMI"
        from = "metadata:ami-id"
      }
      value {
        name = "LIFE_CYCLE"
        from = "metadata:instance-life-cycle"
      }
      value {
        name = "MAC"
        from = "metadata:mac"
      }
      value {
        name = "ZONE_ID"
        from = "metadata:placement/availability-zone-id"
      }
      value {
        name = "GROUP"
        from = "metadata:placement/group-name"
      }
      value {
        name = "RESERVATION"
        from = "metadata:reservation-id"
      }
      value {
        name = "SECURITY_GROUPS"
        from = "metadata:security-groups"
      }
      value {
        name = "DOMAIN"
        from = "metadata:services/domain"
      }
      value {
        name = "PARTITION"
        from = "metadata:services/partition"
      }
      value {
        name      = "DATABASE_URL"
        from      = "file:/etc/shop/database-url"
        required  = true
        sensitive = true
      }
      file {
        template = "${path.root}/../cell.yml"
        path     = "config/cell.yml"
      }
    }
  }
}
