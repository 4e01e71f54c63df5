package status

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

const shown = "--property=Id,LoadState,ActiveState,SubState,Result,NRestarts,StateChangeTimestamp"

// services asks the user's manager about all units of all apps at once.
func (h Host) services(ctx context.Context, b *blueprint.Blueprint, r *Report) map[string]Service {
	args := []string{"show", shown}
	for _, app := range b.Apps {
		for _, s := range app.Services {
			args = append(args, s.Unit)
		}
	}
	if len(args) == 2 || !h.Users.ManagerRunning(b.User) {
		return nil
	}
	out, err := h.Users.Systemctl(ctx, b.User, args...)
	if err != nil {
		r.add("the services cannot be asked for: "+err.Error(), fmt.Sprintf("as root: systemctl restart user@%d.service", b.User.UID))
	}
	return parseShow(out)
}

// parseShow reads what `systemctl show` prints for several units: KEY=VALUE
// lines, with an empty line between two units.
func parseShow(out string) map[string]Service {
	units := map[string]Service{}
	for block := range strings.SplitSeq(out, "\n\n") {
		var s Service
		for line := range strings.SplitSeq(block, "\n") {
			key, value, _ := strings.Cut(line, "=")
			switch key {
			case "Id":
				s.Unit = value
			case "LoadState":
				s.LoadState = value
			case "ActiveState":
				s.ActiveState = value
			case "SubState":
				s.SubState = value
			case "Result":
				s.Result = value
			case "NRestarts":
				s.Restarts, _ = strconv.Atoi(value) // sockets and targets have none
			case "StateChangeTimestamp":
				s.Since, _ = time.Parse("Mon 2006-01-02 15:04:05 MST", value) // empty for never
			}
		}
		if s.Unit != "" {
			units[s.Unit] = s
		}
	}
	return units
}

// judge finds what is wrong with a service. Before the first deploy an
// inactive one is as it should be, and one that is starting gets its time.
func judge(s Service, deployed bool, r *Report) {
	logs := "journalctl --user-unit " + s.Unit + " -n 50 tells why"
	switch {
	case s.LoadState != "loaded":
		r.add(fmt.Sprintf("%s is %s for systemd", s.Unit, s.LoadState),
			"systemctl --user daemon-reload; if that does not help, `deployhost verify` as root tells what is missing")
	case s.Result == "resources" && (s.ActiveState == "failed" || s.SubState == "auto-restart"):
		r.add(s.Unit+" cannot start, most likely for want of its instance's values",
			"see the first-boot hook's problems; then: systemctl --user reset-failed "+s.Unit+" && systemctl --user start "+s.Unit)
	case s.ActiveState == "failed":
		r.add(fmt.Sprintf("%s has failed (%s, %d restarts)", s.Unit, s.Result, s.Restarts),
			logs+"; then: systemctl --user reset-failed "+s.Unit+" && systemctl --user start "+s.Unit)
	case s.SubState == "auto-restart":
		r.add(fmt.Sprintf("%s ends again and again (%s, %d restarts)", s.Unit, s.Result, s.Restarts), logs)
	case s.ActiveState == "inactive" && deployed:
		r.add(s.Unit+" is not running, though its app is deployed", "systemctl --user start "+s.Unit)
	}
}

// systemState is a system unit's active state.
func (h Host) systemState(ctx context.Context, unit string) string {
	// It exits non-zero for every state but "active", and says which one it is.
	out, err := h.Users.Run(ctx, deployuser.Command{Args: []string{"systemctl", "is-active", unit}})
	if state := strings.TrimSpace(out); state != "" {
		return state
	}
	return fmt.Sprintf("unknown (%v)", err)
}
