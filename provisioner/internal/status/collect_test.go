package status

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

// TestCollect looks at each testdata/collect/*.txtar. A case holds
//
//	root/…  files of the host; a file that holds "-> TARGET" is a link
//	run  what programs print: "$ WORDS", which the command line has to contain, and lines for it; any other fails
//	monit  what monit's socket answers; without it there is no socket
//	as  "deploy", if not root asks
//	state  what is collected; the problems are there to show that the state suits the rules
func TestCollect(t *testing.T) {
	t.Parallel()
	eachCase(t, "testdata/collect", func(t *testing.T, archive *txtar.Archive) map[string]string {
		t.Helper()
		h := hostOf(t, archive)
		state := Collect(t.Context(), h, bakedWithUnits(), time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
		// The disks are this machine's, and times of files are of now.
		state.Disks = []Disk{}
		state.FirstBoot.At = time.Time{}
		slices.Sort(state.Missed)
		report := Judge(state)
		var out bytes.Buffer
		if err := report.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		screen, _ := both(t, report)
		for _, text := range []string{out.String(), screen} {
			for _, secret := range []string{"s3cret", "\x1b", "\u202e", "\x07"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q is in\n%s", secret, text)
				}
			}
		}
		return map[string]string{"state": strings.ReplaceAll(out.String(), h.Users.Root, "")}
	})
}

// TestCollectEndsInTime has programs that never answer.
func TestCollectEndsInTime(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/collect/down.txtar")
	if err != nil {
		t.Fatal(err)
	}
	h := hostOf(t, archive)
	synctest.Test(t, func(t *testing.T) {
		h.Users.Run = func(ctx context.Context, _ deployuser.Command) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}
		began := time.Now()
		report := Judge(Collect(t.Context(), h, bakedWithUnits(), began))
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
		if report.OK || report.User.Manager != ManagerSilent || report.Ruby.State != RubyBroken || len(report.Missed) == 0 {
			t.Errorf("%+v", report)
		}
	})
}

// bakedWithUnits has a service with a socket and one that logs to a file.
func bakedWithUnits() *blueprint.Blueprint {
	b := baked()
	b.Apps[0].Services[0].Health = nil
	b.Apps[0].Services = append(b.Apps[0].Services, blueprint.Service{Unit: "shop_clock.service", Kind: "service"})
	const dir = "/home/deploy/.config/systemd/user/"
	b.Entries = []blueprint.Entry{
		{Path: dir + "shop_clock.service", Content: "[Service]\nStandardOutput=append:/home/deploy/apps/shop/shared/log/clock.log\n"},
		{Path: dir + "shop_puma_production.service", Content: "[Service]\nStandardOutput=journal\n"},
		{Path: dir + "shop_puma_production.socket"},
	}
	return b
}

func hostOf(t *testing.T, archive *txtar.Archive) Host {
	t.Helper()
	// Below /tmp, for a unix socket's path must be short.
	root := t.TempDir()
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "root/"); ok {
			if target, ok := strings.CutPrefix(string(f.Data), "-> "); ok {
				put(t, filepath.Join(root, filepath.Dir(name), ".keep"), "")
				if err := os.Symlink(strings.TrimSpace(target), filepath.Join(root, name)); err != nil {
					t.Fatal(err)
				}
				continue
			}
			put(t, filepath.Join(root, name), string(f.Data))
		}
	}
	said := transcript(section(archive, "run"))
	run := func(_ context.Context, cmd deployuser.Command) (string, error) {
		line := strings.Join(cmd.Args, " ")
		for words, out := range said {
			if strings.Contains(line, words) {
				return out, nil
			}
		}
		return "", fmt.Errorf("%s: %w", line, errors.New("exit status 1"))
	}
	if text := section(archive, "monit"); text != "" {
		serveMonit(t, root, text)
	}
	h := Host{Users: deployuser.Host{Root: root, Run: run, HomeOwner: func(string) (int, error) { return 2000, nil }}}
	if section(archive, "as") == "deploy\n" {
		h.Users.EUID = 2000
	}
	return h
}

func transcript(text string) map[string]string {
	said := map[string]string{}
	for block := range strings.SplitSeq("\n"+text, "\n$ ") {
		if words, out, _ := strings.Cut(block, "\n"); words != "" {
			said[words] = strings.ReplaceAll(out, "ESC", "\x1b") + "\n"
		}
	}
	return said
}

func serveMonit(t *testing.T, root, text string) {
	t.Helper()
	put(t, filepath.Join(root, "run/keep"), "")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(root, monitSocket))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "root" || password != "root" || r.URL.String() != "/_status?format=xml" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, text)
	}))
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
}
