package boot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// Machine asks the kernel.
type Machine struct {
	// CPUs is how many this process may run on.
	CPUs func() int
	// MemInfo is /proc/meminfo.
	MemInfo  string
	Hostname func() (string, error)
	// PrivateIP is empty when the machine has no address.
	PrivateIP func() (string, error)
}

func thisMachine() Machine {
	// NumCPU counts what sched_setaffinity(2) leaves, as nproc(1) does.
	return Machine{CPUs: runtime.NumCPU, MemInfo: "/proc/meminfo", Hostname: os.Hostname, PrivateIP: privateIP}
}

func (m Machine) lookup(_ context.Context, from instance.From) (string, error) {
	switch from.Kind {
	case instance.CPUs:
		return strconv.Itoa(m.CPUs()), nil
	case instance.MemoryMB:
		return m.memoryMB()
	case instance.Hostname:
		name, err := m.Hostname()
		if name == "localhost" || name == "(none)" { // the kernel's and systemd's words for having none
			return "", err
		}
		return name, err
	case instance.PrivateIP:
		return m.PrivateIP()
	}
	return "", fmt.Errorf("the machine knows no %s", from.Kind)
}

// memoryMB is all usable memory in MiB, rounded down.
func (m Machine) memoryMB() (string, error) {
	file, err := os.Open(m.MemInfo)
	if err != nil {
		return "", err
	}
	defer file.Close()
	var kib int
	// It is the first line by the kernel's own documentation (proc_meminfo(5)).
	if _, err := fmt.Fscanf(file, "MemTotal: %d kB", &kib); err != nil {
		return "", fmt.Errorf("%s: %w", m.MemInfo, err)
	}
	return strconv.Itoa(kib / 1024), nil
}

// privateIP is the address that packets to the world would leave from or,
// without a way to the world, the first one that is good for more than the link.
func privateIP() (string, error) {
	for _, world := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} { // set aside for documentation (RFC 5737, RFC 3849)
		if ip := sourceAddress(world); ip.IsGlobalUnicast() {
			return ip.String(), nil
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "", errors.Join(errors.New("the network's addresses cannot be read"), err)
	}
	for _, a := range addrs {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			return network.IP.String(), nil
		}
	}
	return "", nil
}

// sourceAddress is what the kernel would send from. A UDP socket sends nothing
// until it is written to.
func sourceAddress(to string) net.IP {
	conn, err := net.Dial("udp", to)
	if err != nil {
		return nil
	}
	defer conn.Close()
	if addr, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		return addr.IP
	}
	return nil
}
