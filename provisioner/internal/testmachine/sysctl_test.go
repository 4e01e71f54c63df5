//go:build linux

package testmachine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSettingsAreRaisedAndRestored(t *testing.T) {
	useSettings(t, map[string]string{"net/ipv4/ip_forward": "1\n", "fs/inotify/max_user_instances": "128\n"})
	for range 2 { // by two machines
		if err := raiseSettings(); err != nil {
			t.Fatal(err)
		}
	}
	wantSetting(t, "net/ipv4/ip_forward", "1")
	wantSetting(t, "fs/inotify/max_user_instances", "4000")
	if err := os.Mkdir(filepath.Join(stateDir, "7"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := restoreSettings(); err != nil {
		t.Fatal(err)
	}
	wantSetting(t, "fs/inotify/max_user_instances", "4000") // slot 7 is in use
	if err := os.Remove(filepath.Join(stateDir, "7")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // somebody's own value is then not touched
		if err := restoreSettings(); err != nil {
			t.Fatal(err)
		}
	}
	wantSetting(t, "net/ipv4/ip_forward", "1")
	wantSetting(t, "fs/inotify/max_user_instances", "128")
}

func TestSettingThatCannotBeRaised(t *testing.T) {
	low := setting{"fs/inotify/max_user_instances", 4000, "a reason"}
	err := low.refused(128, os.ErrPermission)
	for _, want := range []string{"fs.inotify.max_user_instances is 128", "a reason", "sysctl -w fs.inotify.max_user_instances=4000"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func useSettings(t *testing.T, values map[string]string) {
	t.Helper()
	procSys, stateDir = t.TempDir(), t.TempDir()
	for name, value := range values {
		path := filepath.Join(procSys, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func wantSetting(t *testing.T, name, want string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(procSys, name))
	if err != nil || strings.TrimSpace(string(text)) != want {
		t.Errorf("%s is %q, not %s (%v)", name, text, want, err)
	}
}
