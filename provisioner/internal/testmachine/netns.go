//go:build linux

package testmachine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// guestLink is the container's interface. It is neither eth0, which a disk
// image asks DHCP for, nor host0, which systemd-networkd does.
const guestLink = "uplink0"

// makeNetwork gives the slot a network namespace with an address, a way out
// through this machine, and its path.
func (s *slot) makeNetwork(ctx context.Context) (string, error) {
	if err := os.WriteFile(s.networkNote(), nil, 0o600); err != nil {
		return "", err
	}
	for _, args := range s.linkCommands(defaultRouteMTU()) {
		if err := host(ctx, "ip", args...); err != nil {
			return "", err
		}
	}
	for _, rule := range s.rules() {
		if err := host(ctx, "iptables", rule.args("-I")...); err != nil {
			return "", err
		}
	}
	return s.netnsPath(), nil
}

// networkNote tells sweep that there may be a network to remove.
func (s *slot) networkNote() string { return filepath.Join(s.dir(), "network") }

func (s *slot) netnsPath() string { return "/run/netns/" + s.name() }

// linkCommands are the arguments of ip(8) that make the namespace and its veth pair.
func (s *slot) linkCommands(mtu string) [][]string {
	name := s.name()
	lines := []string{
		"netns add " + name,
		"link add " + name + " mtu " + mtu + " type veth peer name " + guestLink + " mtu " + mtu + " netns " + name,
		"addr add " + s.outer().String() + "/30 dev " + name,
		"link set " + name + " up",
		"-n " + name + " link set lo up",
		"-n " + name + " addr add " + s.inner().String() + "/30 dev " + guestLink,
		"-n " + name + " link set " + guestLink + " up",
		"-n " + name + " route add default via " + s.outer().String(),
	}
	commands := make([][]string, 0, len(lines))
	for _, line := range lines {
		commands = append(commands, strings.Fields(line))
	}
	return commands
}

// rule is one iptables rule, without the action on it.
type rule struct {
	table, chain string
	spec         []string
}

// args are those of iptables(8); -w waits for another iptables to finish.
func (r rule) args(action string) []string {
	return append([]string{"-w", "-t", r.table, action, r.chain}, r.spec...)
}

// rules let the slot's subnet out and its answers in, also where the
// forward chain's policy is DROP, as Docker sets it.
func (s *slot) rules() []rule {
	subnet := s.subnet().String()
	return []rule{
		{"nat", "POSTROUTING", []string{"-s", subnet, "!", "-d", subnet, "-j", "MASQUERADE"}},
		{"filter", "FORWARD", []string{"-s", subnet, "-j", "ACCEPT"}},
		{"filter", "FORWARD", []string{"-d", subnet, "-j", "ACCEPT"}},
	}
}

// removeNetwork undoes makeNetwork, as far as it got.
func (s *slot) removeNetwork(ctx context.Context) error {
	if !present(s.networkNote()) {
		return nil
	}
	var errs []error
	if present("/sys/class/net/" + s.name()) {
		err := host(ctx, "ip", "link", "del", s.name())
		errs = append(errs, err)
	}
	if present(s.netnsPath()) {
		err := host(ctx, "ip", "netns", "del", s.name())
		errs = append(errs, err)
	}
	for _, rule := range s.rules() {
		err := host(ctx, "iptables", rule.args("-D")...)
		if err != nil && host(ctx, "iptables", rule.args("-C")...) == nil {
			errs = append(errs, err) // else it was not there
		}
	}
	return errors.Join(errs...)
}

// defaultRouteMTU is the way out's: a larger one in the guest would need path
// MTU discovery, which some networks break.
func defaultRouteMTU() string {
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return "1500"
	}
	mtu, err := fs.ReadFile(os.DirFS("/sys/class/net"), defaultRouteLink(string(routes))+"/mtu")
	if err != nil {
		return "1500"
	}
	return strings.TrimSpace(string(mtu))
}

// defaultRouteLink reads the interface of the default route out of /proc/net/route; "" for none.
func defaultRouteLink(routes string) string {
	for line := range strings.Lines(routes) {
		if fields := strings.Fields(line); len(fields) > 7 && fields[1] == "00000000" && fields[7] == "00000000" {
			return fields[0]
		}
	}
	return ""
}
