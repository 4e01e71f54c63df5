//go:build acceptance && linux

package acceptance

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// What no text of anybody else's holds.
const (
	firstTag, firstSecret   = "tag-6f1d2b90", "secret-c47e11aa"
	secondTag, secondSecret = "tag-0a93be57", "secret-5b20ffd3"
)

// refresh is an instance whose tag changes between two boots, and an image that
// is made of that instance.
func (o orderTrial) refresh() {
	m := o.boot(o.images.cloud, o.tagged("i-first", firstTag), lateStage(2*time.Second), map[string]string{secretPath: firstSecret})
	cpus := m.root("nproc")
	want := map[string]string{"CELL": firstTag, "SECRET": firstSecret, "INSTANCE": "i-first", "HOST": o.name, "CPUS": cpus}
	m.servicesRun(want)
	o.inOrder(m)
	o.waited(m)

	m.retag(o.tagged("i-second", secondTag))
	m.root("sh", "-c", "printf "+secondSecret+" >"+secretPath)
	o.reboot(m)
	want["CELL"], want["SECRET"], want["INSTANCE"] = secondTag, secondSecret, "i-second"
	m.servicesRun(want)
	o.inOrder(m)
	o.waited(m)

	lower := o.powerOff(m)
	o.nothingLeft(lower[0])

	m = o.boot(lower, o.tagged("i-clone", ""), map[string]string{secretPath: "the clone's"})
	m.servicesRun(map[string]string{"CELL": "untagged", "SECRET": "the clone's", "INSTANCE": "i-clone", "HOST": o.name, "CPUS": cpus})
	o.inOrder(m)
	for _, dir := range []string{"/run/deployhost", "/run/user/2000"} {
		if found := m.root("sh", "-c", `grep -rl -e "$2" -e "$3" "$1" || true`, "grep", dir, firstTag, secondTag); found != "" {
			o.Errorf("another instance's values are in %s", found)
		}
	}
}

// waited wants the hook to have started after cloud-init's network stage.
func (o orderTrial) waited(m *machine) {
	o.Helper()
	hook := m.monotonic(m.showSystem(hookUnit, "ExecMainStartTimestampMonotonic"))
	if ready := m.monotonic(m.showSystem("cloud-config.target", "ActiveEnterTimestampMonotonic")); hook < ready {
		o.Errorf("the hook started at %d µs, before the end of cloud-init's network stage at %d", hook, ready)
	}
}

// retag changes what the instance's cloud tells from the next boot on.
func (m *machine) retag(seed *testmachine.Seed) {
	m.t.Helper()
	all := maps.Clone(seed.MetaData)
	all["instance-id"], all["local-hostname"] = seed.InstanceID, seed.Hostname
	text, err := json.Marshal(all)
	if err != nil {
		m.t.Fatal(err)
	}
	m.root("sh", "-c", `printf %s "$1" >/var/lib/cloud/seed/nocloud/meta-data`, "retag", string(text))
}

// powerOff keeps the instance's disk as an image; the uppermost layer is what
// the instance has written.
func (o orderTrial) powerOff(m *machine) []string {
	o.Helper()
	if err := m.PowerOff(shared.ctx); err != nil {
		o.Fatal(err)
	}
	lower, err := m.Commit(shared.ctx, filepath.Join(shared.layers, o.name))
	if err != nil {
		o.Fatal(err)
	}
	return lower
}

// nothingLeft looks for the values in all that the instance wrote. What
// cloud-init knows stays in its own directory, and the operator's file is there.
func (o orderTrial) nothingLeft(layer string) {
	o.Helper()
	files, kept := 0, 0
	err := filepath.WalkDir(layer, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files++
		text, err := os.ReadFile(file)
		for _, value := range []string{firstTag, firstSecret, secondTag, secondSecret} {
			name := strings.TrimPrefix(file, layer)
			switch {
			case !bytes.Contains(text, []byte(value)):
			case name == secretPath || strings.HasPrefix(name, "/var/lib/cloud/"):
				kept++
			default:
				o.Errorf("%s is on the disk, in %s", value, name)
			}
		}
		return err
	})
	if err != nil {
		o.Fatal(err)
	}
	if files < 20 || kept < 2 {
		o.Errorf("only %d files were looked at, and %d of them are known to hold values", files, kept)
	}
}
