package apply

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
)

// debian is a host of files, on which systemctl and dpkg-query answer.
func debian(t *testing.T) host.Host {
	t.Helper()
	h := host.Host{Root: t.TempDir(), Run: func(c host.Command) (host.Output, error) {
		switch c.Args[0] {
		case "systemctl":
			return host.Output{Stdout: "systemd 252 (252.39-1~deb12u2)\n"}, nil
		case "dpkg-query":
			return host.Output{}, nil
		}
		return host.Output{}, errors.New("unexpected program " + c.Args[0])
	}}
	for path, content := range map[string]string{
		"/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n", "/etc/group": "root:x:0:\n", "/etc/shadow": "root:*:1::::::\n",
		"/bin/bash": "", "/usr/bin/apt-get": "", "/usr/bin/dpkg-query": "",
	} {
		put(t, h, path, content)
	}
	if err := os.Mkdir(h.Path("/run"), 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

func put(t *testing.T, h host.Host, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.Path(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.Path(path), []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

func plan(entries ...blueprint.Entry) *blueprint.Blueprint {
	b := &blueprint.Blueprint{
		Format:  blueprint.Format,
		User:    blueprint.User{Name: "deploy", UID: 65432, GID: 65432, Home: "/home/deploy", Shell: "/bin/bash"},
		Entries: entries,
	}
	b.Sort()
	return b
}

func newRun(t *testing.T, h host.Host, b *blueprint.Blueprint) *run {
	t.Helper()
	text, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	past, err := readHistory(h)
	if err != nil {
		t.Fatal(err)
	}
	return &run{
		Request: Request{Host: h, Run: "run-1"}, ev: event.NewWriter(&bytes.Buffer{}, "n"),
		text: text, b: b, system: systemTree(h, b.User), before: past, wanted: b.Packages,
	}
}

func TestPreflight(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(h *host.Host, b *blueprint.Blueprint)
		want   []string // a part of each problem, in order
	}{
		{name: "a good host", change: func(*host.Host, *blueprint.Blueprint) {}},
		{
			name: "all at once",
			change: func(h *host.Host, b *blueprint.Blueprint) {
				put(t, *h, "/usr/bin/dnf", "")
				_ = os.Remove(h.Path("/usr/bin/apt-get"))
				put(t, *h, "/etc/passwd", "web:x:65432:1::/:/bin/sh\n")
				b.Packages = []string{"monit"}
				b.User.Shell = "/bin/fish"
				h.Run = func(host.Command) (host.Output, error) { return host.Output{Stdout: "systemd 241 (241)\n"}, nil }
			},
			want: []string{"package manager is dnf", "systemd is 241", "uid 65432 belongs to the user web", "shell /bin/fish"},
		},
		{
			name: "no systemd",
			change: func(h *host.Host, _ *blueprint.Blueprint) {
				h.Run = func(host.Command) (host.Output, error) { return host.Output{}, os.ErrNotExist }
			},
			want: []string{"systemd is not installed"},
		},
		{
			name: "links in root's way",
			change: func(h *host.Host, b *blueprint.Blueprint) {
				if err := os.Symlink("/tmp", h.Path("/etc/monit")); err != nil {
					t.Fatal(err)
				}
				put(t, *h, "/etc/profile.d", "a file")
				*b = *plan(file("/etc/monit/conf.d/a"), file("/etc/profile.d/b.sh"))
			},
			want: []string{"/etc/monit/conf.d/a: parent /etc/monit: is a symbolic link to /tmp", "/etc/profile.d/b.sh: parent /etc/profile.d: is no directory"},
		},
		{
			name: "the user's file in root's directory",
			change: func(_ *host.Host, b *blueprint.Blueprint) {
				e := file("/etc/a")
				e.Owner = blueprint.DeployUser
				*b = *plan(e)
			},
			want: []string{"/etc/a: the deploy user cannot make this file"},
		},
		{
			name: "another Ruby",
			change: func(h *host.Host, b *blueprint.Blueprint) {
				put(t, *h, "/usr/bin/ruby", "")
				b.Ruby = &blueprint.Ruby{Method: blueprint.RubySystem, Version: "3.3.6", Root: "/usr/local/rbenv"}
				before := h.Run
				h.Run = func(c host.Command) (host.Output, error) {
					if c.Args[0] == "/usr/bin/ruby" {
						return host.Output{Stdout: "3.1.2"}, nil
					}
					return before(c)
				}
			},
			want: []string{`set ruby.version = "3.1.2"`},
		},
		{
			name: "somebody's own Ruby",
			change: func(h *host.Host, b *blueprint.Blueprint) {
				put(t, *h, "/usr/local/rbenv/versions/3.3.6/bin/ruby", "")
				b.Ruby = &blueprint.Ruby{Method: blueprint.RubyBuilt, Version: "3.3.6", Root: "/usr/local/rbenv", Build: &blueprint.RubyBuild{}}
			},
			want: []string{"was not built by this plugin, so it is not replaced"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, b := debian(t), plan()
			tt.change(&h, b)
			found := flatten(newRun(t, h, b).preflight(context.Background()))
			if len(found) != len(tt.want) {
				t.Fatalf("%d problems, want %d: %v", len(found), len(tt.want), found)
			}
			for i, part := range tt.want {
				if !strings.Contains(found[i].Error(), part) {
					t.Errorf("%q is not in %q", part, found[i])
				}
			}
		})
	}
}

func TestCompilersStayUnlessTheyAreToBeRemoved(t *testing.T) {
	h := debian(t)
	put(t, h, "/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
	b := plan()
	b.Packages = []string{"rbenv"}
	b.Ruby = &blueprint.Ruby{Method: blueprint.RubyBuilt, Version: "3.3.6", Build: &blueprint.RubyBuild{YJIT: true}}
	kept, err := wantedPackages(h, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rbenv", "ruby-build", "build-essential", "rustc"} {
		if !slices.Contains(kept, name) {
			t.Errorf("%s is not among %q", name, kept)
		}
	}
	b.Ruby.Build.Remove = true
	if removed, err := wantedPackages(h, b); err != nil || !slices.Equal(removed, b.Packages) {
		t.Errorf("%q %v", removed, err)
	}
	put(t, h, "/etc/os-release", "ID=debian\nVERSION_ID=\"11\"\n")
	if _, err := wantedPackages(h, b); err == nil || !strings.Contains(err.Error(), "rustc 1.58") {
		t.Errorf("YJIT on Debian 11: %v", err)
	}
	b.Ruby.Version = "3.1.7"
	if _, err := wantedPackages(h, b); err != nil {
		t.Errorf("YJIT in C: %v", err)
	}
}

func file(path string) blueprint.Entry {
	return blueprint.Entry{Path: path, Kind: blueprint.File, Owner: blueprint.Root, Mode: 0o644}
}

func TestSystemdVersion(t *testing.T) {
	for text, want := range map[string]int{
		"systemd 252 (252.39-1~deb12u2)\n+PAM": 252, "systemd 257~rc2": 257, "systemd 245": 245,
		"": -1, "systemd": -1, "systemd x": -1, "upstart 1": -1,
	} {
		got, ok := systemdVersion(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func TestShare(t *testing.T) {
	h := debian(t)
	user := func(kind blueprint.Kind, path string) blueprint.Entry {
		e := blueprint.Entry{Path: path, Kind: kind, Owner: blueprint.DeployUser, Mode: 0o755}
		if kind == blueprint.Link {
			e.Mode, e.Target = 0, "x"
		}
		return e
	}
	b := plan(file("/etc/a"), user(blueprint.Dir, "/home/deploy/.ssh"), user(blueprint.Link, "/home/deploy/apps"),
		user(blueprint.Dir, "/srv/shop"), user(blueprint.Dir, "/srv/shop/releases"), user(blueprint.File, "/srv/shop/releases/x"))
	byRoot, byUser, err := share(h, b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/etc/a", "/home/deploy", "/srv/shop"}, paths(byRoot)); diff != "" {
		t.Errorf("by root (-want +have):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/home/deploy/.ssh", "/home/deploy/apps", "/srv/shop/releases", "/srv/shop/releases/x"}, paths(byUser)); diff != "" {
		t.Errorf("by user (-want +have):\n%s", diff)
	}
}

func paths(entries []blueprint.Entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, e.Path)
	}
	return list
}

func TestLockKeepsSecondOut(t *testing.T) {
	h := debian(t)
	unlock, err := lock(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(h); err == nil || !strings.Contains(err.Error(), "another `deployhost apply`") {
		t.Errorf("a second lock: %v", err)
	}
	unlock()
	again, err := lock(h)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestCancelled(t *testing.T) {
	bundle := t.TempDir() + "/bundle"
	r := &run{Request: Request{Bundle: bundle}, ev: event.NewWriter(io.Discard, "")}
	if err := r.cancelled(context.Background()); !errors.Is(err, errCancelled) {
		t.Errorf("without its bundle: %v", err)
	}
	if err := os.WriteFile(bundle, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.cancelled(context.Background()); err != nil {
		t.Errorf("with its bundle: %v", err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if err := r.cancelled(stopped); !errors.Is(err, errCancelled) {
		t.Errorf("after a signal: %v", err)
	}
	deaf, hangUp := io.Pipe()
	r.ev = event.NewWriter(hangUp, "")
	_ = deaf.Close()
	r.ev.Step("packages")
	if err := r.cancelled(context.Background()); !errors.Is(err, errCancelled) {
		t.Errorf("after a lost connection: %v", err)
	}
}

func TestRunEndsWithItsNonce(t *testing.T) {
	var out bytes.Buffer
	if Run(context.Background(), Request{Host: host.Host{Root: t.TempDir()}, BlueprintPath: "/nonexistent", Nonce: "abc", Out: &out}) {
		t.Error("reports success")
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if e, ok := event.Parse(lines[len(lines)-1]); !ok || e.Type != event.End || e.Nonce != "abc" || e.OK {
		t.Errorf("last line %q", lines[len(lines)-1])
	}
	if e, ok := event.Parse(lines[0]); !ok || e.Type != event.Problem || e.Text == "" {
		t.Errorf("first line %q", lines[0])
	}
}
