//go:build acceptance && linux

package acceptance

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/status"
)

// TestHookFailsClosedAndRecovers boots an instance whose required value is
// missing and whose optional ones break their patterns. The app must stay down
// and come up by itself once the value is there.
func TestHookFailsClosedAndRecovers(t *testing.T) {
	t.Parallel()
	hostile := map[string]any{"cell": "north; reboot", "label": "$(reboot)"}
	m := bootInstance(t, theDeployed(t), "closed", hostile, nil)
	if state := m.showSystem(hookUnit, "ActiveState"); state == "active" {
		t.Errorf("the hook is %s without its required value", state)
	}
	if state := m.show(pumaUnit, "ActiveState"); state == "active" || m.show(pumaUnit, "MainPID") != "0" {
		t.Errorf("puma is %s without its values", state)
	}
	m.absent("/run/deployhost/shop/env", "/run/deployhost/shop/config/cell.yml", "/run/deployhost-monit/shop.conf")
	if user := m.deploy("id -un"); user != deployUser {
		t.Errorf("ssh gives %s", user)
	}
	if told := m.statusProblems(); !strings.Contains(told, "DATABASE_URL") || !strings.Contains(told, databaseURLPath) {
		t.Errorf("deployhost status does not name the value and its source:\n%s", told)
	}
	m.root("sh", "-c", `mkdir -p "${1%/*}" && printf %s "$2" >"$1"`, "provide", databaseURLPath, databaseURL)
	said := m.waitForAnswer()
	if said.DatabaseURL != databaseURL || said.Cell != "fallback" || said.CellFile != "fallback" || said.Label != "none was written" {
		t.Errorf("the app got %+v", said)
	}
	m.noFailedUnits()
}

func (m *machine) absent(paths ...string) {
	m.t.Helper()
	for _, path := range paths {
		result, err := m.Exec(shared.ctx, "test", "-e", path, "-o", "-L", path)
		if err != nil {
			m.t.Fatal(err)
		}
		if result.Code == 0 {
			m.t.Errorf("%s is there", path)
		}
	}
}

// statusProblems is what `deployhost status --json` finds wrong, as the deploy user asks.
func (m *machine) statusProblems() string {
	m.t.Helper()
	result, err := m.Run(shared.ctx, deployUser, "deployhost status --json")
	if err != nil {
		m.t.Fatal(err)
	}
	var report status.Report
	if err := json.Unmarshal([]byte(result.Stdout), &report); err != nil {
		m.t.Fatalf("%v: %s", err, result.Stdout)
	}
	if report.OK || result.Code != 1 {
		m.t.Errorf("status says ok=%t with exit status %d", report.OK, result.Code)
	}
	var all []string
	for _, p := range report.Problems {
		all = append(all, p.What)
	}
	return strings.Join(all, "\n")
}

// TestHookRefusesAnotherUser boots an image in which the deploy user has
// become another one: values must not go to whoever has the name now, and
// monit, which a check for an unknown user would stop, must work on.
func TestHookRefusesAnotherUser(t *testing.T) {
	t.Parallel()
	lower, err := editLayers(shared.ctx, "other-user", theDeployed(t), map[string]string{
		"/etc/monit/conf.d/other": "check file hostname with path /etc/hostname\n",
	}, func(root string) error {
		return replaceIn(filepath.Join(root, "etc/passwd"), "deploy:x:2000:", "deploy:x:2001:")
	})
	if err != nil {
		t.Fatal(err)
	}
	m := bootInstance(t, lower, "other-user", nil, provided())
	if state := m.showSystem(hookUnit, "ActiveState"); state == "active" {
		t.Errorf("the hook is %s for another user", state)
	}
	m.absent("/run/deployhost/shop", "/run/deployhost-monit/shop.conf")
	eventually(t, 30*time.Second, func() error {
		if summary := m.monitSummary(); !strings.Contains(summary, "hostname") {
			return fmt.Errorf("monit does not watch the rest:\n%s", summary)
		}
		return nil
	})
	if summary := m.monitSummary(); strings.Contains(summary, "shop") {
		t.Errorf("monit watches the app:\n%s", summary)
	}
}

// replaceIn replaces one text of a file, which must be there.
func replaceIn(file, old, text string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changed := strings.Replace(string(content), old, text, 1)
	if changed == string(content) {
		return errors.New(file + " holds no " + old)
	}
	return os.WriteFile(file, []byte(changed), 0o644)
}
