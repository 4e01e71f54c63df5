package status

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

// listen serves on a unix socket. What it tells of itself is this process.
func listen(t *testing.T, path string, handler http.HandlerFunc) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
}

// deployed is a host on which current links to a directory.
func deployed(t *testing.T, release string) (Host, blueprint.App) {
	t.Helper()
	h, app := Host{Users: deployuser.Host{Root: t.TempDir()}}, blueprint.App{Name: "shop", DeployTo: "/shop"}
	if err := os.Mkdir(h.Users.Path("/shop"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(release, h.Users.Path(app.Current())); err != nil {
		t.Fatal(err)
	}
	return h, app
}

func worker(pid, phase int, booted bool) string {
	return fmt.Sprintf(`{"pid":%d,"phase":%d,"booted":%t}`, pid, phase, booted)
}

func cluster(phase int, workers ...string) string {
	return fmt.Sprintf(`{"workers":%d,"phase":%d,"worker_status":[%s]}`, len(workers), phase, strings.Join(workers, ","))
}

func TestRenewed(t *testing.T) {
	t.Parallel()
	here, err := filepath.EvalSymlinks(".")
	if err == nil {
		here, err = filepath.Abs(here)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		release, stats string
		renewed        int
		want           string
	}{
		"all":            {here, cluster(1, worker(7, 1, true), worker(8, 1, true)), 2, ""},
		"single mode":    {here, `{"backlog":0,"running":5}`, 0, ""},
		"one is old":     {here, cluster(1, worker(7, 1, true), worker(8, 0, true)), 1, "worker 8 runs an earlier release"},
		"one is on it":   {here, cluster(1, worker(7, 1, false), worker(8, 0, true)), 0, "worker 7 has not started yet"},
		"none":           {here, cluster(1), 0, "no worker"},
		"not told yet":   {os.TempDir(), cluster(0, worker(7, 0, true)), 0, "puma is still in " + here},
		"no such link":   {"/nowhere", cluster(0, worker(7, 0, true)), 0, "nothing is deployed"},
		"something else": {here, "<html>", 0, "control socket: invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, app := deployed(t, tc.release)
			listen(t, h.Users.Path("/control"), func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/stats" {
					fmt.Fprint(w, tc.stats)
				}
			})
			renewed, err := h.renewed(t.Context(), app, "/control")
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if renewed != tc.renewed {
				t.Errorf("%d workers are renewed, not %d", renewed, tc.renewed)
			}
		})
	}
}

// TestRenewedWithoutControlSocket: health alone has to do for a puma that was
// started otherwise than the image does it.
func TestRenewedWithoutControlSocket(t *testing.T) {
	t.Parallel()
	h, app := deployed(t, ".")
	if renewed, err := h.renewed(t.Context(), app, "/control"); renewed != 0 || err != nil {
		t.Errorf("%d, %v", renewed, err)
	}
}

// TestWaitLastsWhileWorkersCome replaces workers, who take longer than the
// time-out together, and then one that never comes.
func TestWaitLastsWhileWorkersCome(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	h, app := deployed(t, here)
	began := time.Now()
	var all atomic.Int32
	all.Store(8)
	const each = 300 * time.Millisecond
	listen(t, h.Users.Path("/control"), func(w http.ResponseWriter, _ *http.Request) {
		var workers []string
		for i := range int(all.Load()) {
			workers = append(workers, worker(i, 1, i < 8 && time.Since(began) > time.Duration(i+1)*each))
		}
		fmt.Fprint(w, cluster(1, workers...))
	})
	listen(t, h.Users.Path("/s"), func(http.ResponseWriter, *http.Request) {})
	app.Services = []blueprint.Service{{
		Unit: "shop_puma.service", Control: "/control", Health: &blueprint.Health{Socket: "/s", Path: "/up", Status: 200},
	}}
	wait := Wait{Current: true, Timeout: 5 * each}
	if err := h.WaitHealthy(t.Context(), app, wait); err != nil || time.Since(began) < 8*each {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	all.Store(9)
	if err := h.WaitHealthy(t.Context(), app, wait); err == nil || !strings.Contains(err.Error(), "worker 8 has not started yet") {
		t.Error(err)
	}
}
