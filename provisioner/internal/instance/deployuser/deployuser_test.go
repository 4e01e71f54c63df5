package deployuser

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

var baked = blueprint.User{Name: "deploy", UID: 2000, GID: 2001, Home: "/home/deploy", Shell: "/bin/bash"}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		passwd string
		owner  int
		want   string
	}{
		"as baked":        {"root:x:0:0:root:/root:/bin/sh\ndeploy:x:2000:2001::/home/deploy:/bin/bash\n", 2000, ""},
		"shell may vary":  {"deploy:x:2000:2001::/home/deploy:/bin/zsh\n", 2000, ""},
		"missing":         {"deployer:x:2000:2001::/home/deploy:/bin/bash\n", 2000, "has no deploy;"},
		"other uid":       {"deploy:x:1000:2001::/home/deploy:/bin/bash\n", 1000, "with uid 1000"},
		"other gid":       {"deploy:x:2000:2000::/home/deploy:/bin/bash\n", 2000, "gid 2000"},
		"other home":      {"deploy:x:2000:2001::/srv/deploy:/bin/bash\n", 2000, "home /srv/deploy"},
		"foreign home":    {"deploy:x:2000:2001::/home/deploy:/bin/bash\n", 0, "belongs to uid 0 instead of 2000"},
		"no number":       {"deploy:x:x:2001::/home/deploy:/bin/bash\n", 2000, "no number"},
		"no home":         {"deploy:x:2000:2001::/home/deploy:/bin/bash\n", -1, "its home /home/deploy"},
		"first line wins": {"deploy:x:2000:2001::/home/deploy:\ndeploy:x:0:0::/root:\n", 2000, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			write(t, root+"/etc/passwd", tc.passwd)
			h := Host{Root: root, HomeOwner: func(path string) (int, error) {
				if want := root + "/home/deploy"; path != want {
					t.Errorf("asked for the owner of %s, not of %s", path, want)
				}
				if tc.owner < 0 {
					return 0, os.ErrNotExist
				}
				return tc.owner, nil
			}}
			err := h.Check(baked)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestSystemctlActsAsTheUser(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		euid int
		as   *blueprint.User
	}{{0, &baked}, {2000, nil}} {
		var got Command
		h := Host{EUID: tc.euid, Run: func(_ context.Context, cmd Command) (string, error) {
			got = cmd
			return "", nil
		}}
		if _, err := h.Systemctl(t.Context(), baked, "start", "a.service"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.as, got.As); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"systemctl", "--user", "start", "a.service"}, got.Args); diff != "" {
			t.Error(diff)
		}
		if got.Env[0] != "XDG_RUNTIME_DIR=/run/user/2000" {
			t.Errorf("environment %q", got.Env)
		}
	}
}

func TestManagerRunning(t *testing.T) {
	t.Parallel()
	h := Host{Root: t.TempDir()}
	if h.ManagerRunning(baked) {
		t.Error("running without a socket")
	}
	write(t, h.Path("/run/user/2000/systemd/private"), "")
	if !h.ManagerRunning(baked) {
		t.Error("not running despite its socket")
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), Command{Args: []string{"sh", "-c", "echo out; echo why >&2; exit 3"},
		Env: []string{"PATH=/usr/bin:/bin"}})
	if out != "out\n" || err == nil || !strings.HasSuffix(err.Error(), "exit status 3: why") {
		t.Errorf("%q, %v", out, err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRunKeepsTheFirstOfMuchOutput(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), Command{Args: []string{"head", "-c", "5000000", "/dev/zero"}})
	if err != nil || len(out) != maxOutput {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}
