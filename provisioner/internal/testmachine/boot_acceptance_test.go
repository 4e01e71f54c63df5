//go:build acceptance && linux

package testmachine

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// leftovers lists what bears the number of a slot that nobody holds. Other
// processes' machines may run beside a test.
func leftovers(t *testing.T) []string {
	t.Helper()
	var left []string
	for _, command := range []string{
		"ip netns list", "ip -o link show type veth", "iptables -w -S", "iptables -w -t nat -S",
		"cat /proc/self/mountinfo", "ps -eo args", "find /sys/fs/cgroup -name 'deployhost-*'",
		"find " + stateDir + " -mindepth 1 -maxdepth 1 -type d -printf 'deployhost-%f\\n'",
	} {
		out, _ := exec.Command("sh", "-c", command).Output()
		for line := range strings.Lines(string(out)) {
			if match := slotMark.FindStringSubmatch(line); len(match) == 3 && !slotIsHeld(t, match[1]+match[2]) {
				left = append(left, command+": "+line)
			}
		}
	}
	for _, s := range settings {
		if len(knownSlots()) == 0 && present(s.note()) {
			left = append(left, s.name+" has not its former value again")
		}
	}
	return left
}

var slotMark = regexp.MustCompile(`deployhost-(\d+)\b|10\.213\.(\d+)\.`)

func slotIsHeld(t *testing.T, number string) bool {
	t.Helper()
	lock, err := tryLockFile(filepath.Join(stateDir, number+".lock"))
	if err == nil {
		err = lock.Close()
	}
	return errors.Is(err, errLocked)
}

func leavesNothing(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if left := leftovers(t); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func baseRoot(t *testing.T, ctx context.Context, suite string) string {
	t.Helper()
	base, err := BaseRoot(ctx, suite)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func bootContainer(t *testing.T, ctx context.Context, options RootOptions) *Container {
	t.Helper()
	c, err := BootContainer(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.WaitSSH(ctx, "packer"); err != nil {
		t.Fatal(err)
	}
	return c
}

// output fails the test unless the command succeeded.
func output(t *testing.T, result Result, err error) string {
	t.Helper()
	if err == nil {
		err = result.Check()
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(result.Stdout)
}

func noFailedUnits(t *testing.T, ctx context.Context, m Machine) {
	t.Helper()
	result, err := m.Exec(ctx, "systemctl", "list-units", "--failed", "--plain", "--no-legend")
	if got := output(t, result, err); got != "" {
		t.Errorf("failed units:\n%s", got)
	}
}

func TestContainerLife(t *testing.T) {
	for _, suite := range Suites {
		t.Run(suite, func(t *testing.T) { liveIn(t, suite) })
	}
}

func liveIn(t *testing.T, suite string) {
	t.Helper()
	leavesNothing(t)
	ctx := deadline(t, 5*time.Minute)
	c := bootContainer(t, ctx, RootOptions{
		Name: "life", Lower: []string{baseRoot(t, ctx, suite)},
		Files: map[string]string{"/var/lib/systemd/linger/packer": ""},
	})
	if err := c.WaitBooted(ctx); err != nil {
		t.Fatal(err)
	}

	result, err := c.Run(ctx, "packer", "sudo -n apt-get -qq update && sudo -n apt-get -qq install -y less >/dev/null && cat /etc/hostname && hostname")
	if got := output(t, result, err); !strings.HasSuffix(got, "life") {
		t.Errorf("host name: %s", got)
	}
	result, err = c.Exec(ctx, "systemctl", "is-active", "user@1000.service")
	if got := output(t, result, err); got != "active" {
		t.Errorf("the lingering user's manager is %s", got)
	}
	if kernels, err := filepath.Glob(filepath.Join(c.RootDir(), "boot/vmlinuz-*")); err != nil || len(kernels) > 0 {
		t.Errorf("a container has no use for %s (%v)", kernels, err)
	}
	noFailedUnits(t, ctx, c)

	if err := c.Reboot(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitSSH(ctx, "packer"); err != nil {
		t.Fatal(err)
	}
	result, err = c.Run(ctx, "packer", "systemctl --user is-system-running --wait; command -v less; exit 7")
	if err != nil || result.Code != 7 || !strings.Contains(result.Stdout, "running") {
		t.Errorf("after a reboot: %+v, %v", result, err)
	}
	if err := c.PowerOff(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestCommittedStateBootsAsTwoInstances(t *testing.T) {
	leavesNothing(t)
	ctx := deadline(t, 5*time.Minute)
	baked := bootContainer(t, ctx, RootOptions{Name: "bake", Lower: []string{baseRoot(t, ctx, "bookworm")}})
	result, err := baked.Run(ctx, "packer", "echo kept | sudo -n tee /srv/baked && sudo -n rm /etc/issue")
	output(t, result, err)
	if err := baked.PowerOff(ctx); err != nil {
		t.Fatal(err)
	}
	lower, err := baked.Commit(ctx, filepath.Join(t.TempDir(), "baked"))
	if err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"one", "two"} {
		c := bootContainer(t, ctx, RootOptions{
			Name: name, Lower: lower,
			Seed: &Seed{InstanceID: "i-" + name, Hostname: name, MetaData: map[string]any{"region": "here-" + name}},
		})
		if err := c.WaitBooted(ctx); err != nil {
			t.Fatal(err)
		}
		noFailedUnits(t, ctx, c)
		result, err := c.Exec(ctx, "sh", "-c", "cat /srv/baked; test ! -e /etc/issue; cloud-init query v1.instance_id ; cloud-init query ds.meta_data.region; hostname")
		if got, want := output(t, result, err), "kept\ni-"+name+"\nhere-"+name+"\n"+name; got != want {
			t.Errorf("instance %s: got %q, want %q", name, got, want)
		}
	}
}

func TestDeadRunIsSweptAway(t *testing.T) {
	leavesNothing(t)
	ctx := deadline(t, 2*time.Minute)
	c := bootContainer(t, ctx, RootOptions{Name: "dead", Lower: []string{baseRoot(t, ctx, "bookworm")}})
	number := c.slot.number
	// What the kernel does to the lock when its holder is killed.
	if err := c.slot.lock.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := MountRoot(ctx, RootOptions{Name: "next", Lower: []string{baseRoot(t, ctx, "bookworm")}})
	if err != nil {
		t.Fatal(err)
	}
	if next.slot.number != number {
		t.Errorf("slot %d was not free again, got %d", number, next.slot.number)
	}
	<-c.ended
	c.slot = nil
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

func TestVMLife(t *testing.T) {
	leavesNothing(t)
	ctx := deadline(t, 10*time.Minute)
	disk, err := BaseDisk(ctx, "bookworm")
	if err != nil {
		t.Fatal(err)
	}
	vm, err := BootVM(ctx, VMOptions{
		Name: "vm", Disk: *disk, Forward: []int{8080},
		Seed: &Seed{InstanceID: "i-vm", Hostname: "seeded", UserData: "#cloud-config\nruncmd: [[touch, /run/user-data-ran]]\n"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(tail(vm.ConsoleLog()))
		}
		if err := vm.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := vm.WaitBooted(ctx); err != nil {
		t.Fatal(err)
	}
	result, err := vm.Exec(ctx, "sh", "-c", "ls /run/user-data-ran && cloud-init query v1.instance_id && hostname")
	if got, want := output(t, result, err), "/run/user-data-ran\ni-vm\nseeded"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	noFailedUnits(t, ctx, vm)
	result, err = vm.Exec(ctx, "apt-get", "-qq", "update")
	output(t, result, err)
	if err := vm.Reboot(ctx); err != nil {
		t.Fatal(err)
	}
	if err := vm.PowerOff(ctx); err != nil {
		t.Fatal(err)
	}
}
