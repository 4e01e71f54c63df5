package monit

import (
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Check is one service that monit watches.
type Check struct {
	// Name is unique in all of monit: a duplicate is a parse error that stops it.
	Name string
	// Unit is the user unit that start, stop and restart act on; Socket, which
	// may be empty, holds its listening sockets.
	Unit, Socket string
	PidFile      string
	// Health is nil where only the process's existence can be checked.
	Health *blueprint.Health
	// Listens is a unix socket that must take connections besides; empty for none.
	Listens string
	// Settle is how long systemd may need to bring the service back alone, Stop
	// how long it may take to stop.
	Settle, Stop time.Duration
	// Memory and CPU are ceilings, in monit's words; empty for none.
	Memory, CPU string
	// Exceeded is how long the service may be above one; 0 for as long as it
	// may take to start.
	Exceeded time.Duration
	// Limit is how many restarts within Window are enough; 0 for no limit.
	Limit int
	// Window is 0 for one that is made of how long a restart takes.
	Window time.Duration
	// AlertOnly keeps monit at it beyond the limit.
	AlertOnly bool
}

// Units are all that may have failed when the service is not there.
func (c Check) Units() string { return strings.TrimSpace(c.Unit + " " + c.Socket) }

// Grace is for how many seconds a started process is asked nothing. Monit's
// rounds do not count here: once it has restarted a service, it does so at each
// failed check that follows (event.c, "Failed events are handled each time"), and
// would never let one come up that takes longer than this.
func (c Check) Grace() int {
	const systemctl = 5 * time.Second // is what the time-out is for besides
	return ceil(max(systemctl, c.Settle), time.Second)
}
