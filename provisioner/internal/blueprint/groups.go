package blueprint

// PrivilegedGroups give root, or a way to it: through sudo's or polkit's stock
// rules, through a daemon that runs anything as root (docker, lxd, libvirt),
// through the raw disk, kernel memory or the password hashes, or, on Debian,
// through write access to /usr/local ("staff").
func PrivilegedGroups() []string {
	return []string{
		"root", "sudo", "wheel", "admin", "google-sudoers",
		"docker", "podman", "lxd", "incus", "incus-admin", "libvirt",
		"disk", "kmem", "shadow", "staff",
	}
}
