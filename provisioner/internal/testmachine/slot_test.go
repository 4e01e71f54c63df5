//go:build linux

package testmachine

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSlotNamesAndAddresses(t *testing.T) {
	first, last := &slot{number: 1}, &slot{number: maxSlots}
	// IFNAMSIZ is 16 with the terminating zero.
	if got := last.name(); len(got) > 15 {
		t.Errorf("%s is too long for an interface", got)
	}
	if first.name() == last.name() || first.subnet().Overlaps(last.subnet()) {
		t.Error("two slots meet")
	}
	for _, s := range []*slot{first, last} {
		if !s.subnet().Contains(s.outer()) || !s.subnet().Contains(s.inner()) || s.outer() == s.inner() {
			t.Errorf("%s: %s and %s are not two addresses of %s", s.name(), s.outer(), s.inner(), s.subnet())
		}
	}
}

func TestOverlaps(t *testing.T) {
	used := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("10.213.2.9/24"), netip.MustParsePrefix("::1/128")}
	for n, want := range map[int]bool{1: false, 2: true} {
		if got := overlaps(used, (&slot{number: n}).subnet()); got != want {
			t.Errorf("slot %d: overlap %v, want %v", n, got, want)
		}
	}
}

func TestFreeSlotIsTakenOnce(t *testing.T) {
	stateDir = t.TempDir()
	one, err := freeSlot()
	if err != nil {
		t.Fatal(err)
	}
	two, err := freeSlot()
	if err != nil {
		t.Fatal(err)
	}
	if one.number == two.number {
		t.Errorf("slot %d was given twice", one.number)
	}
	if err := one.lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := freeSlot()
	if err != nil || again.number != one.number {
		t.Errorf("slot %d did not become free: %+v, %v", one.number, again, err)
	}
}

func TestLinkCommandsAndRules(t *testing.T) {
	s := &slot{number: 7}
	var got []string
	for _, args := range s.linkCommands("1400") {
		got = append(got, "ip "+strings.Join(args, " "))
	}
	for _, rule := range s.rules() {
		got = append(got, "iptables "+strings.Join(rule.args("-I"), " "))
	}
	want := []string{
		"ip netns add deployhost-7",
		"ip link add deployhost-7 mtu 1400 type veth peer name uplink0 mtu 1400 netns deployhost-7",
		"ip addr add 10.213.7.1/30 dev deployhost-7",
		"ip link set deployhost-7 up",
		"ip -n deployhost-7 link set lo up",
		"ip -n deployhost-7 addr add 10.213.7.2/30 dev uplink0",
		"ip -n deployhost-7 link set uplink0 up",
		"ip -n deployhost-7 route add default via 10.213.7.1",
		"iptables -w -t nat -I POSTROUTING -s 10.213.7.0/30 ! -d 10.213.7.0/30 -j MASQUERADE",
		"iptables -w -t filter -I FORWARD -s 10.213.7.0/30 -j ACCEPT",
		"iptables -w -t filter -I FORWARD -d 10.213.7.0/30 -j ACCEPT",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDefaultRouteLink(t *testing.T) {
	routes := "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n" +
		"eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	if got := defaultRouteLink(routes); got != "eth0" {
		t.Errorf("got %q", got)
	}
	if got := defaultRouteLink("Iface\n"); got != "" {
		t.Errorf("without a default route: got %q", got)
	}
}

func TestMountTables(t *testing.T) {
	table := `22 27 0:21 / /proc rw - proc proc rw
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
50 27 0:50 / /c/run/deployhost-1/root rw shared:1 - overlay overlay rw
51 50 0:51 / /c/run/deployhost-1/root/with\040space rw - tmpfs tmpfs rw
52 27 0:52 / /c/run/deployhost-10/root rw - overlay overlay rw
`
	want := []string{"/c/run/deployhost-1/root", "/c/run/deployhost-1/root/with space"}
	if diff := cmp.Diff(want, mountsBelow(table, "/c/run/deployhost-1")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := cgroup2Mount(table); got != "/sys/fs/cgroup/unified" {
		t.Errorf("cgroup2 is at %q", got)
	}
}
