# What every template has that bakes a booted container: linked into its
# directory, whose files Packer reads as one.

variable "host" {
  type = string
}

variable "private_key_file" {
  type = string
}

variable "deploy_public_key" {
  type = string
}

source "null" "container" {
  ssh_host             = var.host
  ssh_username         = "packer"
  ssh_private_key_file = var.private_key_file
}
