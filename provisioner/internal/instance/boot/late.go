package boot

import (
	"context"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// followTime bounds the commands after the verdict: none of them waits for a
// job, so one that takes longer hangs.
const followTime = 5 * time.Second

// follow lets others know of a success. What fails here is logged and no more:
// the values are in place, and trying the hook again would mend nothing.
func (h Host) follow(ctx context.Context, rules *instance.Rules, newChecks, first bool) {
	ctx, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	// In good order the hook is done before the user's manager starts. A manager
	// that already runs has tried the services without their values, and given up.
	if first && h.Users.ManagerRunning(rules.User) {
		h.startLate(ctx, rules)
	}
	if newChecks {
		if err := h.reloadMonit(ctx); err != nil {
			h.logf("warning: monit was not told of its new checks: %v", err)
		}
	}
}

// startLate clears the failures of services that had no values to start with,
// and starts them. Their conditions keep those of an undeployed app quiet.
func (h Host) startLate(ctx context.Context, rules *instance.Rules) {
	var units []string
	for _, app := range rules.Apps {
		units = append(units, app.Units...)
	}
	if len(units) == 0 {
		return
	}
	if _, err := h.Users.Systemctl(ctx, rules.User, append([]string{"reset-failed"}, units...)...); err != nil {
		// It complains about units that are not loaded, which then have not failed either.
		h.logf("note: %v", err)
	}
	if _, err := h.Users.Systemctl(ctx, rules.User, append([]string{"--no-block", "start"}, units...)...); err != nil {
		h.logf("warning: the services could not be started late: %v", err)
	}
}
