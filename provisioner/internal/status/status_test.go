package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

var update = flag.Bool("update", false, "write what the cases give into them")

func baked() *blueprint.Blueprint {
	return &blueprint.Blueprint{
		Format: blueprint.Format,
		User:   blueprint.User{Name: "deploy", UID: 2000, GID: 2000, Home: "/home/deploy", Shell: "/bin/bash"},
		Ruby:   &blueprint.Ruby{Method: blueprint.RubySystem, Version: "3.3.6", Root: "/usr/local/rbenv"},
		Apps: []blueprint.App{{
			Name: "shop", Stage: "production", DeployTo: "/home/deploy/apps/shop", Monit: true, EnvFile: "/run/deployhost/shop/env",
			Environment: []blueprint.EnvVar{{Name: "RAILS_ENV", Value: "production"}, {Name: "WEB_CONCURRENCY", Value: "2"}},
			Services: []blueprint.Service{{Unit: "shop_puma_production.service", Kind: "puma", Health: &blueprint.Health{Port: 3000,
				Path: "/up", Status: 200}}},
		}},
	}
}

// TestCases looks at each testdata/*.txtar. A case holds
//
//	root/…  files of the host
//	show, is-system-running, is-active  what systemctl prints for these verbs; nothing and a failure without
//	want, want.json  both forms of the report
func TestCases(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			h, said := hostOf(t, archive)
			report := Collect(t.Context(), h, baked())
			var human, machine bytes.Buffer
			if err := report.Print(&human, time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)); err != nil {
				t.Fatal(err)
			}
			enc := json.NewEncoder(&machine)
			enc.SetIndent("", "  ")
			if err := enc.Encode(report); err != nil {
				t.Fatal(err)
			}
			if *update {
				archive.Files = cut(archive.Files, "want", "want.json")
				archive.Files = append(archive.Files, txtar.File{Name: "want", Data: human.Bytes()}, txtar.File{Name: "want.json",
					Data: machine.Bytes()})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(said["want"], human.String()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(said["want.json"], machine.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func hostOf(t *testing.T, archive *txtar.Archive) (Host, map[string]string) {
	t.Helper()
	root, said := t.TempDir(), map[string]string{}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "root/"); ok {
			put(t, filepath.Join(root, name), string(f.Data))
			continue
		}
		said[f.Name] = string(f.Data)
	}
	run := func(_ context.Context, cmd deployuser.Command) (string, error) {
		for _, arg := range cmd.Args {
			if out, ok := said[arg]; ok {
				return out, nil
			}
		}
		return "", errors.New("exit status 1")
	}
	return Host{Users: deployuser.Host{Root: root, Run: run, HomeOwner: func(string) (int, error) { return 2000, nil }}}, said
}

func cut(files []txtar.File, names ...string) []txtar.File {
	var kept []txtar.File
	for _, f := range files {
		if !strings.Contains(strings.Join(names, " ")+" ", f.Name+" ") {
			kept = append(kept, f)
		}
	}
	return kept
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o755)); err != nil {
		t.Fatal(err)
	}
}

func TestParseShowOfOtherKinds(t *testing.T) {
	t.Parallel()
	got := parseShow("Id=a.socket\nLoadState=loaded\nActiveState=active\nStateChangeTimestamp=\n\nId=b.service\nNRestarts=3\nResult=a=b\n")
	want := map[string]Service{
		"a.socket":  {Unit: "a.socket", LoadState: "loaded", ActiveState: "active"},
		"b.service": {Unit: "b.service", Restarts: 3, Result: "a=b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBlueprintIsForRootAndTheUser(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	data, err := baked().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for euid, want := range map[int]bool{0: true, 2000: true, 1000: false} {
		put(t, filepath.Join(root, blueprint.Path), string(data))
		if _, err := (Host{Users: deployuser.Host{Root: root, EUID: euid}}).Blueprint(); (err == nil) != want {
			t.Errorf("uid %d: %v", euid, err)
		}
	}
	if _, err := App(baked(), "desk"); err == nil || !strings.Contains(err.Error(), "shop") {
		t.Error(err)
	}
}
