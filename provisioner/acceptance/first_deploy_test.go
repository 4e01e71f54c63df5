//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestFirstDeploy is the promise in one test: a deploy over ssh, without sudo,
// onto two instances of one image, each of which then serves with its own values.
func TestFirstDeploy(t *testing.T) {
	t.Parallel()
	for _, cell := range []string{"north", "south"} {
		t.Run(cell, func(t *testing.T) {
			t.Parallel()
			m := bootInstance(t, theBaked(t).lower, cell, map[string]any{"cell": cell, "label": "spring"}, provided())
			m.release(1)
			said := m.waitForAnswer()
			m.tookSince("home/deploy/apps/shop/current")
			want := answer{
				InstanceID: "i-" + cell, Cell: cell, CellFile: cell, Label: "spring", DatabaseURL: databaseURL,
				Greeting: `100% "ready" $HOME`, Revision: "1", RubyVersion: "3.1", WorkerParent: said.WorkerParent,
			}
			if diff := cmp.Diff(want, said); diff != "" {
				t.Errorf("the app (-want +got):\n%s", diff)
			}
			m.deploy("deployhost wait shop --healthy --timeout 20s")
			m.deploy("deployhost status")
			for _, value := range []string{"INSTANCE_ID=i-" + cell, "DATABASE_URL=" + databaseURL, "RAILS_ENV=production"} {
				if env := m.deploy("deployhost exec shop -- env"); !strings.Contains("\n"+env+"\n", "\n"+value+"\n") {
					t.Errorf("%s is not in what `deployhost exec` gives:\n%s", value, env)
				}
			}
			m.monitWatches()
			m.matches("testdata/running.txt")
			m.noFailedUnits()
		})
	}
}

// monitWatches wants monit to know of puma, a moment after the deploy.
func (m *machine) monitWatches() {
	m.t.Helper()
	eventually(m.t, 30*time.Second, func() error {
		if summary := m.monitSummary(); !strings.Contains(summary, strings.TrimSuffix(pumaUnit, ".service")) {
			return fmt.Errorf("monit does not watch puma:\n%s", summary)
		}
		return nil
	})
}

// tookSince records how long the app took to answer after its first deploy had
// made the link.
func (m *machine) tookSince(link string) {
	m.t.Helper()
	info, err := os.Lstat(filepath.Join(m.RootDir(), link))
	if err != nil {
		m.t.Fatal(err)
	}
	figure("first_deploy.start_s", time.Since(info.ModTime()).Seconds(), "s")
}

// TestDeployThatRestarts is a first deploy whose last step acts on the service,
// as Capistrano's does, while the path unit starts it for the same link.
func TestDeployThatRestarts(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"restart", "reload-or-restart", "start"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			m := bootInstance(t, theBaked(t).lower, "race-"+verb, nil, provided())
			m.deploy("sh /srv/app/release.sh ~/apps/shop 1 && systemctl --user " + verb + " " + pumaUnit)
			m.waitForAnswer()
			for property, want := range map[string]string{"SubState": "running", "Result": "success", "NRestarts": "0"} {
				if got := m.show(pumaUnit, property); got != want {
					t.Errorf("%s is %s, not %s", property, got, want)
				}
			}
			m.noFailedUnits()
		})
	}
}
