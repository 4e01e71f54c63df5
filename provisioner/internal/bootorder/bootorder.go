//go:build linux

// Package bootorder asks a booted machine's systemd in which order things were
// started, and whether all of them were: what the hook's place in the boot is
// about.
package bootorder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// Machine runs a program as root.
type Machine interface {
	Exec(ctx context.Context, argv ...string) (testmachine.Result, error)
}

// User is the deploy user.
type User struct {
	Name string
	UID  int
}

func (u User) manager() string { return "user@" + strconv.Itoa(u.UID) + ".service" }

// Boot is what both managers tell of the present boot.
type Boot struct {
	hook, manager string
	system, user  Units
}

// Look asks both managers of all their units.
func Look(ctx context.Context, m Machine, hook string, user User) (*Boot, error) {
	b := &Boot{hook: hook, manager: user.manager()}
	var err error
	if b.system, err = show(ctx, m, nil); err != nil {
		return nil, err
	}
	// Not by a login, which may change what is looked at.
	b.user, err = show(ctx, m, []string{
		"setpriv", "--reuid=" + user.Name, "--regid=" + user.Name, "--init-groups",
		"env", "XDG_RUNTIME_DIR=/run/user/" + strconv.Itoa(user.UID),
	}, "--user")
	return b, err
}

func show(ctx context.Context, m Machine, as []string, flags ...string) (Units, error) {
	argv := slices.Concat(as, []string{"systemctl"}, flags, []string{
		"show", "--all", "*", "--property=Id,Names,LoadState,ActiveState,Wants,Requires,After," +
			"ConditionTimestampMonotonic,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic," +
			"ExecMainStartTimestampMonotonic,ExecMainExitTimestampMonotonic",
	})
	result, err := m.Exec(ctx, argv...)
	return ParseUnits(result.Stdout), errors.Join(err, result.Check())
}

// hookEnded is when the hook's program ended, in µs since the kernel's start.
func (b *Boot) hookEnded() (int, error) {
	ended := b.system[b.hook].time("ExecMainExitTimestampMonotonic")
	if ended == 0 {
		return 0, fmt.Errorf("%s has not run", b.hook)
	}
	return ended, nil
}

// Early are the starts before the hook had ended: of the user manager, of any
// unit in it, and of what else the caller knows of (its name and time).
func (b *Boot) Early(also map[string]int) ([]string, error) {
	ended, err := b.hookEnded()
	if err != nil {
		return nil, err
	}
	times := map[string]int{b.manager: b.system[b.manager].time("ExecMainStartTimestampMonotonic")}
	for id, unit := range b.user {
		for _, name := range []string{"InactiveExitTimestampMonotonic", "ExecMainStartTimestampMonotonic"} {
			if us := unit.time(name); us > 0 {
				times[id+" "+name] = us
			}
		}
	}
	maps.Copy(times, also)
	if len(times) < 10 || times[b.manager] == 0 {
		return nil, fmt.Errorf("only these starts were found: %v", times)
	}
	var early []string
	for _, what := range slices.Sorted(maps.Keys(times)) {
		if times[what] < ended {
			early = append(early, fmt.Sprintf("%s, %d µs before", what, ended-times[what]))
		}
	}
	return early, nil
}

// Dropped are the units that the boot should have started and never tried
// to: systemd deletes a job, and with it whatever only that job wanted, when
// that breaks an ordering cycle. No systemd of Debian 11 to 13 gives the message
// about it an id, so this is what shows it: a unit that something which was
// reached wants, but whose conditions have never been looked at.
func (b *Boot) Dropped() ([]string, error) {
	named := b.system.named()
	var dropped []string
	reached, wait := map[string]bool{}, []string{"default.target"}
	for len(wait) > 0 {
		unit, known := named[wait[0]]
		wait = wait[1:]
		if !known || reached[unit["Id"]] || unit["LoadState"] != "loaded" {
			continue
		}
		reached[unit["Id"]] = true
		if unit.time("ConditionTimestampMonotonic") == 0 && unit.time("ActiveEnterTimestampMonotonic") == 0 {
			dropped = append(dropped, unit["Id"])
		}
		if unit["ActiveState"] == "active" {
			wait = slices.AppendSeq(wait, strings.FieldsSeq(unit["Wants"]+" "+unit["Requires"]))
		}
	}
	if len(reached) < 40 || !reached[b.hook] {
		return nil, fmt.Errorf("only %d units were reached", len(reached))
	}
	slices.Sort(dropped)
	return dropped, nil
}

// AddedByHook is how much later, in µs, the hook was done than all else that
// the user manager waits for: what it adds to the boot's critical chain.
func (b *Boot) AddedByHook() int {
	others := 0
	for other := range strings.FieldsSeq(b.system[b.manager]["After"]) {
		if other != b.hook {
			others = max(others, b.system[other].time("ActiveEnterTimestampMonotonic"))
		}
	}
	return max(0, b.system[b.hook].time("ActiveEnterTimestampMonotonic")-others)
}

// HookTook is how long the hook's start took, in µs, as systemd sees it.
func (b *Boot) HookTook() int {
	hook := b.system[b.hook]
	return hook.time("ActiveEnterTimestampMonotonic") - hook.time("InactiveExitTimestampMonotonic")
}

// Verify has systemd-analyze order the units that the hook takes part in,
// together with those that this boot's generators have made: cloud-init is
// among them. Its complaint is the error.
func Verify(ctx context.Context, m Machine, hook string, user User) error {
	const path = "SYSTEMD_UNIT_PATH=/run/systemd/generator.early:/run/systemd/generator:/run/systemd/generator.late:" // and the usual
	result, err := m.Exec(ctx, "env", path, "systemd-analyze", "--man=no", "verify", "default.target", hook, user.manager())
	if err != nil {
		return err
	}
	if said := result.Stdout + result.Stderr; result.Code != 0 || strings.Contains(said, "cycle") {
		return fmt.Errorf("systemd-analyze verify ends with %d: %s", result.Code, said)
	}
	return nil
}
