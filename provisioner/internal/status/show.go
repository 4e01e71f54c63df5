package status

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

// askTime is for one question that takes milliseconds, as to systemd and monit.
const askTime = 5 * time.Second

// properties are asked of all units at once; systemctl leaves out those that a
// kind of unit does not have.
const properties = "--property=Id,LoadState,UnitFileState,ActiveState,SubState,Result,NeedDaemonReload,ConditionResult," +
	"ConditionTimestampMonotonic,ActiveEnterTimestamp,ActiveExitTimestamp,InactiveEnterTimestamp,InactiveExitTimestamp,NRestarts," +
	"ExecMainCode,ExecMainStatus,MemoryCurrent,After"

// shown are a unit's properties.
type shown map[string]string

// parseShow reads what `systemctl show` prints for several units: KEY=VALUE
// lines, with an empty line between two units. The key is the unit's name.
func parseShow(out string) map[string]shown {
	units := map[string]shown{}
	for block := range strings.SplitSeq(out, "\n\n") {
		unit := shown{}
		for line := range strings.Lines(block) {
			if key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
				unit[key] = value
			}
		}
		if id := unit["Id"]; id != "" {
			units[id] = unit
		}
	}
	return units
}

// unit gives the state; name is what was asked for.
func (s shown) unit(name string) Unit {
	u := Unit{
		Name: name, LoadState: readable(s["LoadState"]), UnitFileState: readable(s["UnitFileState"]),
		ActiveState: readable(s["ActiveState"]), SubState: readable(s["SubState"]), Result: readable(s["Result"]),
		NeedsReload: s["NeedDaemonReload"] == "yes",
		// A condition that was never looked at is not unmet.
		ConditionUnmet: s["ConditionResult"] == "no" && s.number("ConditionTimestampMonotonic") > 0,
	}
	// As `systemctl status` chooses (systemctl-show.c, print_status_info).
	switch u.ActiveState {
	case "active", "reloading":
		u.Since = s.time("ActiveEnterTimestamp")
	case "inactive", "failed":
		u.Since = s.time("InactiveEnterTimestamp")
	case "activating":
		u.Since = s.time("InactiveExitTimestamp")
	case "deactivating":
		u.Since = s.time("ActiveExitTimestamp")
	}
	return u
}

// exitCodes are si_code's of SIGCHLD (waitid(2)).
var exitCodes = map[int64]string{1: "exited", 2: "killed", 3: "dumped"}

func (s shown) exit() *Exit {
	code, ended := exitCodes[s.number("ExecMainCode")]
	if !ended {
		return nil
	}
	return &Exit{Code: code, Status: int(s.number("ExecMainStatus"))}
}

// number is 0 for what is not there, and for systemd's "[not set]".
func (s shown) number(key string) int64 {
	n, err := strconv.ParseInt(s[key], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// time reads a time as systemd writes it with TZ=UTC; it is zero for never.
func (s shown) time(key string) time.Time {
	t, err := time.Parse("Mon 2006-01-02 15:04:05 UTC", s[key])
	if err != nil {
		return time.Time{}
	}
	return t
}

// run asks a program, with the deploy user's rights and environment.
func (l *look) run(ctx context.Context, args ...string) (string, error) {
	return l.ask(ctx, askTime, l.Users.Command(l.b.User, args...))
}

func (l *look) ask(ctx context.Context, within time.Duration, command deployuser.Command) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	out, err := l.Users.Run(ctx, command)
	switch program := command.Args[0]; {
	case ctx.Err() != nil:
		err = fmt.Errorf("%s gave no answer within %s", program, within)
	case err != nil:
		// With which arguments says nothing to people; what it said does.
		err = fmt.Errorf("%s: %s", program, strings.TrimPrefix(err.Error(), strings.Join(command.Args, " ")+": "))
	}
	return out, err
}
