//go:build acceptance && linux

package acceptance

import (
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/monit"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// supervised is a Debian release with three apps: one that gets broken, one
// beside it that nothing may happen to, and one that is never deployed.
type supervised struct {
	suite, ruby, puma string
	// start is how long puma may take, and slow how long it does when it is
	// slow: longer than monit's time-out for a request, 5 s. Where puma tells
	// systemd that it is ready, a busy machine has to meet start as well.
	start, slow time.Duration
	// figures sets this release's apart.
	figures string
	// groups of cases have a machine each, on which one case follows the other.
	groups map[string][]trouble
}

// TestSupervision does to hosts all that may happen to one, and looks at who
// repairs it, whether more than once, and what else that touches.
func TestSupervision(t *testing.T) {
	t.Parallel()
	var told outcomes
	t.Cleanup(func() {
		figure("supervise.cases", told.cases, "count")
		figure("supervise.double_repairs", told.doubles, "count")
	})
	for _, s := range []supervised{
		{
			suite: "bookworm", ruby: "3.1", puma: "5.6", start: 8 * time.Second, slow: 7 * time.Second,
			groups: map[string][]trouble{
				"answers":  {masterKilled, answersWrongly, answersError},
				"hang":     {workerHangs, loggedInAndOut},
				"managers": {atStartLimit, managerKilled},
				"deploys":  {noDeployYet, monitRestarted, monitKilled, rebooted, deployInProgress},
			},
		},
		{
			suite: "trixie", ruby: "3.3", puma: "6.6", start: 15 * time.Second, slow: 8 * time.Second, figures: "trixie_",
			groups: map[string][]trouble{"trixie": {managerKilled, monitKilled, answersError}},
		},
	} {
		t.Run(s.suite, func(t *testing.T) {
			t.Parallel()
			lower := s.bake(t)
			for group, cases := range s.groups {
				t.Run(group, func(t *testing.T) {
					t.Parallel()
					m := boot(t, testmachine.RootOptions{Name: "supervise-" + group, Lower: lower})
					for _, c := range cases {
						if !t.Run(c.name, func(t *testing.T) { told.add(s.goThrough(t, m.Container, c)) }) { //nolint:paralleltest // one machine
							return
						}
					}
				})
			}
		})
	}
}

// bake also deploys two of the three apps.
func (s supervised) bake(t *testing.T) []string {
	t.Helper()
	m := boot(t, testmachine.RootOptions{Name: "supervise-" + s.suite, Lower: []string{base(t, s.suite)}})
	mustBuild(t, "testdata/templates/supervise", m.Addr(), variables{"ruby": s.ruby, "puma": s.puma, "start_timeout": s.start.String()})
	if err := m.PowerOff(shared.ctx); err != nil {
		t.Fatal(err)
	}
	baked, err := m.Commit(shared.ctx, filepath.Join(shared.layers, "supervise-"+s.suite))
	if err != nil {
		t.Fatal(err)
	}
	files, err := appFiles()
	if err != nil {
		t.Fatal(err)
	}
	own, err := filesOf("testdata/supervise", "/srv/app")
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(files, own)
	files[ledgerPath] = ledger
	lower, err := deployedOnto(shared.ctx, "supervised-"+s.suite, baked, files, "shop", "desk")
	if err != nil {
		t.Fatal(err)
	}
	return lower
}

// interval is the template's.
const interval = 2 * time.Second

// patience is how long monit leaves an app to systemd: its rounds of checks.
func (s supervised) patience() time.Duration {
	const restartDelay = time.Second
	m := monit.Monit{Interval: interval}
	return time.Duration(m.Cycles(restartDelay+s.start)) * interval
}

// outcomes are counted over all machines.
type outcomes struct {
	sync.Mutex
	cases, doubles int
}

func (o *outcomes) add(doubles int) {
	o.Lock()
	defer o.Unlock()
	o.cases++
	o.doubles += doubles
}
