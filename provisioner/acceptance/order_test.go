//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/bootorder"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// orderCounts are what all releases' boots come to.
type orderCounts struct{ releases, boots, cycles, early atomic.Int64 }

// TestOrder boots instances of every Debian release, with cloud-init and
// without it, and asks systemd what happened in which order.
func TestOrder(t *testing.T) {
	t.Parallel()
	var counts orderCounts
	t.Cleanup(func() {
		figure("order.releases", int(counts.releases.Load()), "count")
		figure("order.boots", int(counts.boots.Load()), "count")
		figure("order.cycles", int(counts.cycles.Load()), "count")
		figure("order.early_services", int(counts.early.Load()), "count")
	})
	for _, suite := range testmachine.Suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			counts.releases.Add(1)
			for name, try := range map[string]func(o orderTrial){
				"refresh": orderTrial.refresh, "local": orderTrial.local, "bare": orderTrial.bare,
				"closed": orderTrial.closed, "bare-closed": orderTrial.bareClosed,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					try(orderTrial{T: t, counts: &counts, suite: suite, name: name + "-" + suite, images: theOrderImages(t, suite)})
				})
			}
		})
	}
}

// orderTrial is one instance's life.
type orderTrial struct {
	*testing.T
	counts *orderCounts
	suite  string
	name   string // of the instance
	images *orderImages
}

// lateStage keeps cloud-init's network stage from ending until the hook has
// told its verdict, but for no longer than a while. Debian's own stage has to
// end before sysinit.target, so that everything comes after it; only with one
// that is late it shows who waits for cloud-init.
func lateStage(while time.Duration) map[string]string {
	return map[string]string{
		"/etc/systemd/system/cloud-config.target.d/late.conf": "[Unit]\nWants=late-stage.service\n",
		"/etc/systemd/system/late-stage.service": fmt.Sprintf(`[Unit]
Before=cloud-config.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-/usr/bin/timeout %d sh -c 'until test -e /run/deployhost/instance.json; do sleep 0.1; done'
`, int(while.Seconds())),
	}
}

// boot boots an image as an instance, with its operator's files.
func (o orderTrial) boot(lower []string, seed *testmachine.Seed, files ...map[string]string) *machine {
	o.Helper()
	all := map[string]string{"/var/log/journal/keep": ""} // so that it is on the disk
	for _, some := range files {
		maps.Copy(all, some)
	}
	m := boot(o.T, testmachine.RootOptions{Name: o.name, Lower: lower, Seed: seed, Files: all})
	o.noCycle(m)
	return m
}

func (o orderTrial) reboot(m *machine) {
	o.Helper()
	m.reboot()
	o.noCycle(m)
}

// noCycle is asked of every boot.
func (o orderTrial) noCycle(m *machine) {
	o.Helper()
	o.counts.boots.Add(1)
	dropped, err := m.bootorder().Dropped()
	if err != nil {
		o.Fatal(err)
	}
	o.counts.cycles.Add(int64(len(dropped)))
	for _, unit := range dropped {
		o.Errorf("this boot never tried to start %s, although it should: an ordering cycle", unit)
	}
	if err := bootorder.Verify(shared.ctx, m, hookUnit, theUser); err != nil {
		o.Error(err)
	}
}

// inOrder is asked of every boot in which the hook succeeded at once.
func (o orderTrial) inOrder(m *machine) {
	o.Helper()
	early, err := m.bootorder().Early(m.programStarts())
	if err != nil {
		o.Fatal(err)
	}
	o.counts.early.Add(int64(len(early)))
	if len(early) > 0 {
		o.Errorf("%d starts before the hook's end:\n%s", len(early), strings.Join(early, "\n"))
	}
	m.noFailedUnits()
}

// tagged is an instance of a NoCloud cloud.
func (o orderTrial) tagged(id, cell string) *testmachine.Seed {
	seed := &testmachine.Seed{InstanceID: id, Hostname: o.name, MetaData: map[string]any{}}
	if cell != "" {
		seed.MetaData["tags"] = map[string]any{"cell": cell}
	}
	return seed
}

// local is an instance whose values need no cloud-init, which then is not waited for.
func (o orderTrial) local() {
	m := o.boot(o.images.local, o.tagged("i-local", ""), lateStage(time.Minute), map[string]string{secretPath: "s3cret"})
	m.servicesRun(map[string]string{"SECRET": "s3cret", "CPUS": m.root("nproc")})
	o.inOrder(m)
	hook := m.monotonic(m.showSystem(hookUnit, "ExecMainStartTimestampMonotonic"))
	if ready := m.monotonic(m.showSystem("cloud-config.target", "ActiveEnterTimestampMonotonic")); hook > ready {
		o.Errorf("the hook started at %d µs, after cloud-init's network stage at %d, which no value needs", hook, ready)
	}
}

// bare is an instance without cloud-init.
func (o orderTrial) bare() {
	m := o.boot(o.images.bare, nil, map[string]string{secretPath: "first"})
	m.absent("/usr/bin/cloud-init", "/run/cloud-init")
	m.servicesRun(map[string]string{"SECRET": "first", "HOST": o.name, "CPUS": m.root("nproc")})
	o.inOrder(m)
	m.root("sh", "-c", "printf second >"+secretPath)
	o.reboot(m)
	m.servicesRun(map[string]string{"SECRET": "second", "HOST": o.name, "CPUS": m.root("nproc")})
	o.inOrder(m)
}
