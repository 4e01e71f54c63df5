//go:build linux

package bootorder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// fake answers as systemctl does, for the system's manager and the user's.
type fake struct{ system, user string }

func (f fake) Exec(_ context.Context, argv ...string) (testmachine.Result, error) {
	if slices.Contains(argv, "--user") {
		return testmachine.Result{Stdout: f.user}, nil
	}
	return testmachine.Result{Stdout: f.system}, nil
}

// system are enough units to be believed, all of them tried, and the changed ones.
func system(changed ...string) string {
	var wants []string
	var text strings.Builder
	for i := range 50 {
		name := fmt.Sprintf("u%d.service", i)
		wants = append(wants, name)
		fmt.Fprintf(&text, "\n\nId=%s\nNames=%[1]s\nLoadState=loaded\nActiveState=active\nConditionTimestampMonotonic=5", name)
	}
	text.WriteString("\n\nId=multi-user.target\nNames=multi-user.target default.target\nLoadState=loaded\nActiveState=active\n" +
		"ConditionTimestampMonotonic=5\nWants=hook.service " + strings.Join(wants, " "))
	return strings.Join(changed, "\n\n") + text.String()
}

const (
	hook = "Id=hook.service\nNames=hook.service\nLoadState=loaded\nActiveState=active\nConditionTimestampMonotonic=9\n" +
		"InactiveExitTimestampMonotonic=80\nActiveEnterTimestampMonotonic=110\nExecMainExitTimestampMonotonic=100"
	manager = "Id=user@2000.service\nNames=user@2000.service\nExecMainStartTimestampMonotonic=120\nAfter=hook.service dbus.service none.service"
	dbus    = "Id=dbus.service\nNames=dbus.service\nActiveEnterTimestampMonotonic=103"
)

func userUnits(puma int) string {
	var text strings.Builder
	for i := range 9 {
		fmt.Fprintf(&text, "Id=v%d.service\nInactiveExitTimestampMonotonic=200\n\n", i)
	}
	fmt.Fprintf(&text, "Id=puma.service\nInactiveExitTimestampMonotonic=%d\nExecMainStartTimestampMonotonic=0", puma)
	return text.String()
}

func boot(t *testing.T, m fake) *Boot {
	t.Helper()
	b, err := Look(t.Context(), m, "hook.service", User{Name: "deploy", UID: 2000})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEarly(t *testing.T) {
	if early, err := boot(t, fake{system(hook, manager), userUnits(200)}).Early(map[string]int{"it": 150}); err != nil || len(early) != 0 {
		t.Errorf("all in order: %q %v", early, err)
	}
	early, err := boot(t, fake{system(hook, manager), userUnits(99)}).Early(map[string]int{"it": 90})
	if want := []string{"it, 10 µs before", "puma.service InactiveExitTimestampMonotonic, 1 µs before"}; err != nil || !slices.Equal(early, want) {
		t.Errorf("two that were early: %q %v", early, err)
	}
	if _, err := boot(t, fake{system(manager), userUnits(200)}).Early(nil); err == nil {
		t.Error("nothing can be told of a boot without a hook")
	}
	if _, err := boot(t, fake{system(hook), ""}).Early(nil); err == nil {
		t.Error("nothing can be told of a boot without a user manager")
	}
}

func TestDropped(t *testing.T) {
	if dropped, err := boot(t, fake{system: system(hook)}).Dropped(); err != nil || len(dropped) != 0 {
		t.Errorf("all were tried: %q %v", dropped, err)
	}
	lost := "Id=lost.service\nNames=lost.service\nLoadState=loaded\nActiveState=inactive\nConditionTimestampMonotonic=0"
	dropped, err := boot(t, fake{system: system(hook+"\nWants=lost.service", lost)}).Dropped()
	if err != nil || !slices.Equal(dropped, []string{"lost.service"}) {
		t.Errorf("one was lost: %q %v", dropped, err)
	}
	if _, err := boot(t, fake{system: system()}).Dropped(); err == nil {
		t.Error("a boot without the hook says nothing about it")
	}
}

func TestCostOfTheHook(t *testing.T) {
	b := boot(t, fake{system: system(hook, manager, dbus)})
	if took, added := b.HookTook(), b.AddedByHook(); took != 30 || added != 7 {
		t.Errorf("it took %d and added %d", took, added)
	}
	late := strings.Replace(dbus, "=103", "=130", 1)
	if added := boot(t, fake{system: system(hook, manager, late)}).AddedByHook(); added != 0 {
		t.Errorf("beside something slower it added %d", added)
	}
}
