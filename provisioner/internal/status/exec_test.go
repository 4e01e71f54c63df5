package status

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()
	inherited := []string{"PATH=/opt/bin:/usr/local/rbenv/shims:/usr/bin", "TERM=xterm", "LC_ALL=C", "LD_PRELOAD=/root/x.so",
		"HOME=/root", "RAILS_ENV=test", "broken"}
	always := []string{
		"HOME=/home/deploy", "LC_ALL=C", "LOGNAME=deploy", "RAILS_ENV=production", "RBENV_ROOT=/usr/local/rbenv", "RBENV_VERSION=3.3.6",
		"REGION=eu", "SHELL=/bin/bash", "TERM=xterm", "USER=deploy", "WEB_CONCURRENCY=8", "XDG_RUNTIME_DIR=/run/user/2000",
	}
	for name, tc := range map[string]struct {
		euid int
		more []string
	}{
		"the user keeps its own": {2000, []string{"LD_PRELOAD=/root/x.so",
			"PATH=/usr/local/rbenv/shims:/usr/local/rbenv/bin:/opt/bin:/usr/bin"}},
		"root's stays with root": {0, []string{"PATH=/usr/local/rbenv/shims:/usr/local/rbenv/bin:/usr/local/bin:/usr/bin:/bin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := Host{Users: deployuser.Host{Root: t.TempDir(), EUID: tc.euid}}
			put(t, h.Users.Path("/run/deployhost/shop/env"), "REGION=\"eu\"\nWEB_CONCURRENCY=\"8\"\n")
			put(t, h.Users.Path("/run/user/2000/bus"), "")
			got, err := h.Environment(baked(), baked().Apps[0], inherited)
			if err != nil {
				t.Fatal(err)
			}
			have := map[string]bool{}
			for _, entry := range got {
				have[entry] = true
			}
			want := map[string]bool{}
			for _, entry := range append(tc.more, always...) {
				want[entry] = true
			}
			if diff := cmp.Diff(want, have); diff != "" || len(got) != len(have) {
				t.Errorf("%s\n%q", diff, got)
			}
		})
	}
}

func TestEnvironmentWithoutValues(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ verdict, env, want string }{
		"no verdict": {"", "", "has not run in this boot"},
		"failed":     {`{"ok": false, "problems": ["CELL: this instance has no tag:cell"]}`, "", "CELL: this instance has no tag:cell"},
		"removed":    {`{"ok": true}`, "", "somebody has removed them"},
		"garbled":    {`{`, "", "instance.json"},
		"damaged":    {`{"ok": true}`, "A=b\n", "/run/deployhost/shop/env: byte 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := Host{Users: deployuser.Host{Root: t.TempDir()}}
			if tc.verdict != "" {
				put(t, h.Users.Path(blueprint.VerdictPath), tc.verdict)
			}
			if tc.env != "" {
				put(t, h.Users.Path("/run/deployhost/shop/env"), tc.env)
			}
			_, err := h.Environment(baked(), baked().Apps[0], nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
	app := baked().Apps[0]
	app.EnvFile = ""
	if _, err := (Host{Users: deployuser.Host{Root: t.TempDir()}}).Environment(baked(), app, nil); err != nil {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root+"/b/rake", "")
	put(t, root+"/c/rake", "")
	put(t, root+"/a/rake/x", "")
	put(t, root+"/a/text", "")
	if err := os.Chmod(root+"/a/text", 0o644); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=.::" + root + "/a:" + root + "/b:" + root + "/c"}
	for program, want := range map[string]string{"rake": root + "/b/rake", "./x": "./x", "/x": "/x", "text": "", "gone": ""} {
		got, err := Find(program, env)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", program, got, err)
		}
	}
}
