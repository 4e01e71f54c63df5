#!/bin/sh
# Installs the kernel package $2, and with it an initrd, into the root
# directory $1. It needs mount and PID namespaces of its own.
set -eu
root=$1
package=$2

# What the package's scripts expect; the mounts end with the namespace.
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --bind /dev "$root/dev"
# Only while packages are fetched: the base image names no resolvers.
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"

chroot "$root" apt-get -qq update
chroot "$root" apt-get -qq install --no-install-recommends "$package"

# As mmdebstrap leaves it.
chroot "$root" apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
