package boot

import (
	"io"
	"os"
	"strings"
)

// maxFact is above what firmware tells; a DMI string has at most 255 bytes.
const maxFact = 512

// onEC2 tells from the firmware and the hypervisor, without the network,
// whether this is an EC2 instance of AWS's own: clones of EC2 do not name
// themselves so, and have to be asked for by name. A container shows its
// host's firmware, and is not the instance (cloud-init's ds-identify).
func onEC2(root func(string) string) bool {
	// systemd as PID 1 writes it (systemd's Container Interface).
	if _, err := os.Lstat(root("/run/systemd/container")); err == nil {
		return false
	}
	dmi := func(name string) string { return fact(root("/sys/class/dmi/id/" + name)) }
	uuid, serial := dmi("product_uuid"), dmi("product_serial")
	switch {
	case dmi("sys_vendor") == "amazon ec2": // Nitro, metal and arm64 as well
	case dmi("sys_vendor") == "xen" && strings.HasSuffix(dmi("product_version"), ".amazon"): // Xen, for example 4.11.amazon
	case strings.HasPrefix(fact(root("/sys/hypervisor/uuid")), "ec2"): // Xen
	// One of 4096 machines anywhere has such a uuid, but not also as its serial.
	case strings.HasPrefix(uuid, "ec2") && uuid == serial:
	default:
		return false
	}
	return true
}

// fact reads one line in lower case; it is empty when it cannot be read.
func fact(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	data, _ := io.ReadAll(io.LimitReader(file, maxFact)) // what cannot be read says nothing
	return strings.ToLower(strings.TrimSpace(string(data)))
}
