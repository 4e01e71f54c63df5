//go:build acceptance && linux

package acceptance

import (
	"flag"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd/unittemplate"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

var escapeSeed = flag.Uint64("escape.seed", 0, "seed of the values that TestEscapers makes, to have a run's once more; 0 for new ones")

// How many values of each kind one release has to hand back.
const (
	witnesses       = 26 // processes, each with:
	perEnvironment  = 150
	perFiles        = 120
	perWords        = 150
	texts, programs = 1000, 100
	leastPerRelease = 10_000
)

// TestEscapers has the systemd of every Debian release load what the escapers
// wrote, and compares what arrives in the started processes, byte for byte.
func TestEscapers(t *testing.T) {
	t.Parallel()
	seed := seedOf(t, "escape.seed", *escapeSeed)
	program := buildProgram(t, "./testdata/escape/witness")
	templates := unittemplate.MustParse(os.DirFS("testdata/escape"), "units")
	start := time.Now()
	var values, mismatches, refused, releases atomic.Int64
	t.Cleanup(func() {
		figure("escape.values", int(values.Load()), "count")
		figure("escape.refused", int(refused.Load()), "count")
		figure("escape.mismatches", int(mismatches.Load()), "count")
		figure("escape.releases", int(releases.Load()), "count")
		figure("escape.took_s", int(time.Since(start).Seconds()), "s")
	})
	for i, suite := range testmachine.Suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			m := boot(t, testmachine.RootOptions{
				Name: "escape-" + suite, Lower: []string{base(t, suite)},
				Files: map[string]string{"/var/lib/systemd/linger/" + testmachine.BuildUser: ""},
			})
			trial := newEscapeTrial(m, templates, newValueSource(t, seed, uint64(i)))
			trial.prepare(program)
			trial.run()
			t.Logf("%s: %d values, %d refused, %d mismatches", trial.version(), trial.values, trial.refused, trial.mismatches)
			if trial.values < leastPerRelease {
				t.Errorf("only %d values", trial.values)
			}
			values.Add(int64(trial.values))
			mismatches.Add(int64(trial.mismatches))
			refused.Add(int64(trial.refused))
			releases.Add(1)
		})
	}
}
