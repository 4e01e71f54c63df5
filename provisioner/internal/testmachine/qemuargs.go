//go:build linux

package testmachine

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// qemuMachine is all that QEMU's command line depends on.
type qemuMachine struct {
	name     string
	kvm      bool
	memoryMB int
	cpus     int
	disk     Disk
	overlay  string
	seedISO  string // empty for none
	// ports maps a guest's TCP port to one on this machine's loopback.
	ports  map[int]int
	serial string
	qmp    string
}

// args are those of qemu-system-x86_64(1).
func (m qemuMachine) args() []string {
	args := []string{
		"-name", escapeOption(m.name), "-nodefaults", "-display", "none", "-no-user-config",
		"-m", strconv.Itoa(m.memoryMB), "-smp", strconv.Itoa(m.cpus),
		"-kernel", m.disk.Kernel, "-initrd", m.disk.Initrd, "-append", KernelCommandLine,
		"-serial", "file:" + m.serial,
		"-qmp", "unix:" + escapeOption(m.qmp) + ",server=on,wait=off",
		// A first boot without entropy waits for it at length.
		"-device", "virtio-rng-pci",
		"-drive", "file=" + escapeOption(m.overlay) + ",if=virtio,format=qcow2,cache=unsafe",
		"-netdev", m.netdev(),
		// No option ROM: we don't boot from the network, and the ROM is a package of its own.
		"-device", "virtio-net-pci,netdev=net0,romfile=",
	}
	if m.seedISO != "" {
		args = append(args, "-drive", "file="+escapeOption(m.seedISO)+",if=virtio,format=raw,readonly=on")
	}
	if m.kvm {
		return append(args, "-accel", "kvm", "-cpu", "host")
	}
	return append(args, "-accel", "tcg,thread=multi", "-cpu", "max")
}

func (m qemuMachine) netdev() string {
	var b strings.Builder
	b.WriteString("user,id=net0")
	for _, guest := range slices.Sorted(maps.Keys(m.ports)) {
		fmt.Fprintf(&b, ",hostfwd=tcp:127.0.0.1:%d-:%d", m.ports[guest], guest)
	}
	return b.String()
}

// escapeOption doubles the comma, which separates QEMU's suboptions.
func escapeOption(value string) string { return strings.ReplaceAll(value, ",", ",,") }
