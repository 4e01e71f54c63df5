#!/bin/sh
# mmdebstrap runs this once the packages are in; $1 is the root directory.
# The authorized key lies beside this script.
set -eu
root=$1
here=$(dirname "$0")

# The build user of a stock cloud image: sudo without a password, key only.
chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 packer
install -d -m 0700 -o 1000 -g 1000 "$root/home/packer/.ssh"
install -m 0600 -o 1000 -g 1000 "$here/authorized_keys" "$root/home/packer/.ssh/authorized_keys"
echo 'packer ALL=(ALL) NOPASSWD:ALL' >"$root/etc/sudoers.d/90-packer"
chmod 0440 "$root/etc/sudoers.d/90-packer"

# The machine that boots this brings its own network: an address that is
# already there (container) or a DHCP stanza (disk image). The mirrors given
# here are to stay; the rest is as Debian's cloud images have it, but for the
# locales, which are not installed.
mkdir -p "$root/etc/cloud/cloud.cfg.d"
cat >"$root/etc/cloud/cloud.cfg.d/99-deployhost.cfg" <<'CFG'
network: {config: disabled}
apt: {preserve_sources_list: true}
manage_etc_hosts: true
locale: false
CFG

# mmdebstrap leaves the build machine's names and resolvers here.
echo deployhost-base >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 deployhost-base\n' >"$root/etc/hosts"
: >"$root/etc/resolv.conf"
