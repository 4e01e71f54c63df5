//go:build acceptance && linux

package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	fleetSize = 50
	// fleetAnswers is for a busy machine: two cores of their own need less than a third of it.
	fleetAnswers = 3 * time.Minute
)

// fleetUserData leaves out what costs much and is not looked at here: host keys
// of four kinds, cloud-init's default user, questions to debconf.
const fleetUserData = `#cloud-config
users: []
ssh_genkeytypes: [ed25519]
ssh: {emit_keys_to_console: false}
grub_dpkg: {enabled: false}
`

// TestFleet boots one image as fifty instances at once, as a group that scales
// up does. Each has to serve with its own values, and nobody with another's.
//
// It is not parallel, so it has the machine to itself: those that are begin
// only when it has ended.
func TestFleet(t *testing.T) {
	lower := bakeFleet(t)
	fleet := newFleet()
	started := time.Now()
	bootFleet(t, fleet, lower)
	errs := together(fleet, func(f *fleetInstance) error { return f.waitForAnswer(started.Add(fleetAnswers)) })
	figure("fleet.boot_s", time.Since(started).Seconds(), "s")
	figure("fleet.instances", len(fleet), "count")
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	wrong := 0
	var hooks []float64
	for _, f := range fleet {
		if !t.Run(f.want.InstanceID, func(t *testing.T) { hooks = append(hooks, f.isRight(t)) }) {
			wrong++
		}
	}
	figure("fleet.wrong", wrong, "count")
	if len(hooks) == 0 {
		return
	}
	slices.Sort(hooks)
	figure("fleet.hook_ms_median", 1000*hooks[len(hooks)/2], "ms")
	figure("fleet.hook_ms_max", 1000*hooks[len(hooks)-1], "ms")
}

// identity is what an instance's app tells of itself.
type identity struct {
	InstanceID string `json:"instance_id"`
	Cell       string `json:"cell"`
	CellFile   string `json:"cell_file"`
	Host       string `json:"host"`
	Address    string `json:"address"`
}

// fleetInstance is one of the fleet: who it is, and who it says it is.
type fleetInstance struct {
	*machine
	want, said identity
}

// bakeFleet bakes the golden root and puts a first release into it.
func bakeFleet(t *testing.T) []string {
	t.Helper()
	m := boot(t, testmachine.RootOptions{Name: "golden", Lower: []string{shared.base}})
	mustBuild(t, "testdata/templates/fleet", m.Addr(), nil)
	if err := m.PowerOff(shared.ctx); err != nil {
		t.Fatal(err)
	}
	golden, err := m.Commit(shared.ctx, filepath.Join(shared.layers, "golden"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filesOf("testdata/fleet", "/srv/app")
	if err != nil {
		t.Fatal(err)
	}
	// A hook of milliseconds is done first in whatever order; a slow one is not.
	files["/etc/systemd/system/"+hookUnit+".d/90-slow.conf"] = "[Service]\nExecStartPre=/bin/sleep 2\n"
	lower, err := deployedOnto(shared.ctx, "fleet", golden, files, "shop")
	if err != nil {
		t.Fatal(err)
	}
	return lower
}

// newFleet names the instances.
func newFleet() []*fleetInstance {
	fleet := make([]*fleetInstance, fleetSize)
	for i := range fleet {
		fleet[i] = &fleetInstance{want: identity{
			InstanceID: fmt.Sprintf("i-%02d", i), Host: fmt.Sprintf("web-%02d", i), Cell: fmt.Sprintf("cell-%02d", i),
		}}
	}
	return fleet
}

// bootFleet starts all instances at once, and returns before they are up.
func bootFleet(t *testing.T, fleet []*fleetInstance, lower []string) {
	t.Helper()
	t.Cleanup(func() {
		if err := errors.Join(together(fleet, (*fleetInstance).close)...); err != nil {
			t.Error(err)
		}
	})
	errs := together(fleet, func(f *fleetInstance) error { return f.boot(shared.ctx, lower) })
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func (f *fleetInstance) boot(ctx context.Context, lower []string) error {
	c, err := testmachine.BootContainer(ctx, testmachine.RootOptions{
		Name: "fleet-" + f.want.InstanceID, Lower: lower,
		Seed: &testmachine.Seed{
			InstanceID: f.want.InstanceID, Hostname: f.want.Host, UserData: fleetUserData,
			MetaData: map[string]any{"tags": map[string]any{"cell": f.want.Cell}},
		},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", f.want.InstanceID, err)
	}
	f.machine = &machine{Container: c}
	f.want.CellFile, f.want.Address = fmt.Sprintf("cell: %q", f.want.Cell), c.Addr()
	return nil
}

// close may be called for an instance that never booted.
func (f *fleetInstance) close() error {
	if f.machine == nil {
		return nil
	}
	return f.Close()
}

// waitForAnswer asks until the app says something, whatever it is.
func (f *fleetInstance) waitForAnswer(until time.Time) error {
	for {
		err := f.askFor(&f.said)
		if err == nil {
			return nil
		}
		select {
		case <-shared.ctx.Done():
			return shared.ctx.Err()
		case <-f.Ended():
			return fmt.Errorf("%s ended", f.want.InstanceID)
		case <-time.After(250 * time.Millisecond):
		}
		if time.Now().After(until) {
			return fmt.Errorf("%s does not answer: %w", f.want.InstanceID, err)
		}
	}
}

// isRight wants an instance to be who it is, and its hook to have needed one
// attempt. It returns how many seconds that took.
func (f *fleetInstance) isRight(t *testing.T) float64 {
	t.Helper()
	f.t = t
	if err := f.WaitBooted(shared.ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.want, f.said); diff != "" {
		t.Errorf("the app (-want +got):\n%s", diff)
	}
	var verdict instance.Verdict
	if err := json.Unmarshal([]byte(f.root("cat", "/run/deployhost/instance.json")), &verdict); err != nil {
		t.Fatal(err)
	}
	if !verdict.OK || verdict.Attempt != 1 || len(verdict.Warnings) != 0 {
		t.Errorf("the hook ended with %+v", verdict)
	}
	f.cameAfterTheHook(managerUnit)
	f.noFailedUnits()
	return verdict.Seconds
}

// cameAfterTheHook compares when a system unit was started and the hook ended.
func (f *fleetInstance) cameAfterTheHook(unit string) {
	f.t.Helper()
	var started, ended int64
	times := f.showSystem(unit, "ExecMainStartTimestampMonotonic") + " " + f.showSystem(hookUnit, "ExecMainExitTimestampMonotonic")
	if _, err := fmt.Sscan(times, &started, &ended); err != nil || started < ended {
		f.t.Errorf("%s was started before the hook had ended (at %s us, %v)", unit, times, err)
	}
}

// together does the same to all at once and waits for the slowest.
func together(fleet []*fleetInstance, do func(*fleetInstance) error) []error {
	errs := make([]error, len(fleet))
	var running sync.WaitGroup
	for i, f := range fleet {
		running.Go(func() { errs[i] = do(f) })
	}
	running.Wait()
	return errs
}
