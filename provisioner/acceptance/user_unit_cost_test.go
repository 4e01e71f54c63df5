//go:build acceptance && bench && linux

package acceptance

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// inTurns is how often each of two images is booted.
const inTurns, inTurnsInVM = 15, 5

// plainUnit is what people write otherwise: the user unit as one of the
// system's, with the same environment and in the same order. A user manager also
// waits until logins are allowed, which is after network.target (the drop-in
// user@.service.d/10-login-barrier.conf of systemd's own).
const (
	plainUnit  = "shop-puma.service"
	plainAfter = "After=" + hookUnit + " systemd-user-sessions.service\n"
)

// costImages are the same app as the image has it, and as a system unit.
type costImages struct{ user, system []string }

var costImagesOnce = sync.OnceValues(makeCostImages)

func theCostImages(t *testing.T) costImages {
	t.Helper()
	images, err := costImagesOnce()
	if err != nil {
		t.Fatal(err)
	}
	return images
}

func makeCostImages() (images costImages, err error) {
	files, err := appFiles()
	if err != nil {
		return images, err
	}
	files[databaseURLPath] = databaseURL
	baked, err := bakeLayer(shared.ctx, "cost", []string{shared.base}, "testdata/templates/cost", nil)
	if err != nil {
		return images, err
	}
	if images.user, err = deployedOnto(shared.ctx, "cost-user", baked, files, "shop"); err != nil {
		return images, err
	}
	images.system, err = editLayers(shared.ctx, "cost-system", images.user, nil, asSystemUnit)
	return images, err
}

// asSystemUnit makes the user unit one of the system's, and ends lingering. The
// user's runtime directory, where puma's control socket is, goes with that.
func asSystemUnit(root string) error {
	puma := filepath.Join(root, "home/deploy/apps/shop/shared/puma.rb")
	config, err := os.ReadFile(puma)
	if err != nil {
		return err
	}
	config = bytes.ReplaceAll(config, []byte("/run/user/2000/"), []byte("/run/shop/"))
	if err := os.WriteFile(puma, config, 0o600); err != nil { // it keeps its owner
		return err
	}
	text, err := os.ReadFile(filepath.Join(root, "home/deploy/.config/systemd/user", pumaUnit))
	if err != nil {
		return err
	}
	var unit strings.Builder
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.Contains(line, socketUnit):
			continue // people write none
		case line == "[Service]\n":
			line += "User=deploy\nRuntimeDirectory=shop\n"
		case line == "[Unit]\n":
			line += plainAfter
		}
		unit.WriteString(line)
	}
	system := filepath.Join(root, "etc/systemd/system")
	if err := os.WriteFile(filepath.Join(system, plainUnit), []byte(unit.String()), 0o600); err != nil {
		return err
	}
	if err := os.Symlink("../"+plainUnit, filepath.Join(system, "multi-user.target.wants", plainUnit)); err != nil {
		return err
	}
	return os.Remove(filepath.Join(root, "var/lib/systemd/linger/deploy"))
}

// TestCostOfUserUnits boots the app as the image has it and, in turns with that,
// as a plain unit of the system's.
func TestCostOfUserUnits(t *testing.T) {
	images := theCostImages(t)
	var user, system, chain, hook []float64
	for range inTurns {
		user = append(user, bootToAnswer(t, images.user, func(m *machine) {
			order := m.bootorder()
			chain, hook = append(chain, milliseconds(order.AddedByHook())), append(hook, milliseconds(order.HookTook()))
		}))
		system = append(system, bootToAnswer(t, images.system, func(*machine) {}))
	}
	figure("firstboot.at_boot_ms", median(hook), "ms")
	figure("firstboot.added_critical_chain_ms", median(chain), "ms")
	figure("firstboot.user_unit_ms", median(user), "ms")
	figure("firstboot.system_unit_ms", median(system), "ms")
	figure("firstboot.user_unit_extra_ms", median(user)-median(system), "ms")
}

// TestCostOfUserUnitsInVM is the same in virtual machines, from power on.
func TestCostOfUserUnitsInVM(t *testing.T) {
	images := theCostImages(t)
	dir := t.TempDir()
	disk := map[string]*testmachine.Disk{}
	for name, lower := range map[string][]string{"user": images.user, "system": images.system} {
		var err error
		if disk[name], err = testmachine.MakeDisk(shared.ctx, "cost-"+name, lower, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var user, system []float64
	for range inTurnsInVM {
		user = append(user, powerOnToAnswer(t, disk["user"]))
		system = append(system, powerOnToAnswer(t, disk["system"]))
	}
	figure("firstboot.vm_user_unit_s", median(user)/1000, "s")
	figure("firstboot.vm_system_unit_s", median(system)/1000, "s")
	figure("firstboot.vm_user_unit_ratio", median(user)/median(system), "x")
}

func powerOnToAnswer(t *testing.T, disk *testmachine.Disk) float64 {
	t.Helper()
	began := time.Now()
	vm, err := testmachine.BootVM(shared.ctx, testmachine.VMOptions{Name: "cost", Disk: *disk, Forward: []int{3000}})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	firstAnswer(t, "http://"+vm.Forwarded(3000)+"/up", 5*time.Minute)
	return float64(time.Since(began).Milliseconds())
}

// bootToAnswer tells the milliseconds from the start of systemd to the app's
// first HTTP 200, and has look ask the machine for more.
func bootToAnswer(t *testing.T, lower []string, look func(*machine)) float64 {
	t.Helper()
	c, err := testmachine.BootContainer(shared.ctx, testmachine.RootOptions{Name: "cost", Lower: lower})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := &machine{Container: c, t: t}
	answered := firstAnswer(t, "http://"+c.Addr()+":3000/up", time.Minute)
	look(m)
	return milliseconds(answered - m.monotonic(m.root("systemctl", "show", "--value", "--property=UserspaceTimestampMonotonic")))
}

// firstAnswer waits for the first HTTP 200 and tells when it came, in µs of
// CLOCK_MONOTONIC, which a container shares with this machine.
func firstAnswer(t *testing.T, url string, within time.Duration) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(shared.ctx, within)
	defer cancel()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				break
			}
		}
		time.Sleep(3 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Fatalf("%s did not answer within %s", url, within)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return int(now.Nano() / 1000)
}

func milliseconds(us int) float64 { return float64(us) / 1000 }

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
