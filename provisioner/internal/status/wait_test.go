package status

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

// answer shows what it was asked.
func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/up":
		fmt.Fprintf(w, "host=%s", r.Host)
	case "/moved":
		http.Redirect(w, r, "/up", http.StatusFound)
	default:
		http.NotFound(w, r)
	}
}

func TestProbe(t *testing.T) {
	// A proxy that is nowhere: whoever asked it would fail.
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:9")
	t.Setenv("http_proxy", "http://192.0.2.1:9")
	tcp := httptest.NewServer(http.HandlerFunc(answer))
	defer tcp.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(tcp.URL, "http://"), ":")
	var number int
	if _, err := fmt.Sscan(port, &number); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(root, "puma.sock"))
	if err != nil {
		t.Fatal(err)
	}
	unix := httptest.NewUnstartedServer(http.HandlerFunc(answer))
	unix.Listener = listener
	unix.Start()
	defer unix.Close()

	h := Host{Users: deployuser.Host{Root: root}}
	for name, tc := range map[string]struct {
		health blueprint.Health
		want   string
	}{
		"port":   {blueprint.Health{Port: number, Path: "/up", Status: 200, Content: "host=127.0.0.1:" + port}, ""},
		"socket": {blueprint.Health{Socket: "/puma.sock", Path: "/up", Status: 200, Content: "host=localhost"}, ""},
		"host": {blueprint.Health{Port: number, Path: "/up", Status: 200, Host: "shop.example", Content: "host=shop.example"},
			""},
		"redirect":      {blueprint.Health{Port: number, Path: "/moved", Status: 302}, ""},
		"not found":     {blueprint.Health{Port: number, Path: "/x", Status: 200}, "GET /x answers 404 instead of 200"},
		"wrong content": {blueprint.Health{Port: number, Path: "/up", Status: 200, Content: "sesame"}, `"sesame" is not in the first`},
		"no socket":     {blueprint.Health{Socket: "/gone.sock", Path: "/up", Status: 200}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			err := h.probe(t.Context(), tc.health)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestWaitHealthy(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	var asked atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(root, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		if r.URL.Path == "/never" {
			cancel()
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	server.Listener = listener
	server.Start()
	defer server.Close()

	h := Host{Users: deployuser.Host{Root: root}}
	app := baked().Apps[0]
	app.Services = []blueprint.Service{
		{Unit: "shop_clock.service"},
		{Unit: "shop_puma.service", Health: &blueprint.Health{Socket: "/s", Path: "/up", Status: 200}},
	}
	if err := h.WaitHealthy(ctx, app, Wait{Timeout: time.Minute}); err != nil || asked.Load() != 3 {
		t.Errorf("%v after %d requests", err, asked.Load())
	}
	app.Services[1].Health.Path = "/never"
	if err := h.WaitHealthy(ctx, app, Wait{Timeout: time.Minute}); err == nil || !strings.Contains(err.Error(), "shop is not healthy: shop_puma.service: ") {
		t.Error(err)
	}
	app.Services = app.Services[:1]
	if err := h.WaitHealthy(t.Context(), app, Wait{Timeout: time.Minute}); err == nil || !strings.Contains(err.Error(), "no service of shop") {
		t.Error(err)
	}
}
