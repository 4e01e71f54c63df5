# shellcheck shell=sh
# Baked by packer-plugin-deployhost; change the Packer template instead.
# Lets `systemctl --user` find the user manager after `su` or `sudo -i`, which
# set no XDG_RUNTIME_DIR.
if [ -z "${XDG_RUNTIME_DIR:-}" ] && [ -d "/run/user/$(id -u)" ]; then
  XDG_RUNTIME_DIR="/run/user/$(id -u)"
  export XDG_RUNTIME_DIR
fi
