package status

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

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

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o755)); err != nil {
		t.Fatal(err)
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
	if _, err := FindApp(baked(), "desk"); err == nil || !strings.Contains(err.Error(), "shop") {
		t.Error(err)
	}
}
