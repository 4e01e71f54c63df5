package app

import (
	"fmt"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// Watch is what monit does about one service besides its health check.
type Watch struct {
	// Memory and CPU are ceilings, above which the service is restarted; empty
	// for none.
	Memory Memory
	CPU    Percent
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

// Monit writes an amount as monit does, which has no T (monit(1), MEMORY).
func (m Memory) Monit() string {
	number, unit := m.parts()
	switch {
	case m == "":
		return ""
	case unit == '%':
		return string(m)
	case unit == 'T':
		number, unit = number*1024, 'G'
	}
	return fmt.Sprintf("%.0f %s", number, map[byte]string{'K': "kB", 'M': "MB", 'G': "GB"}[unit])
}

// Watched is what monit has to know of one service.
type Watched struct {
	// Socket is empty when the service opens its own.
	Unit, Socket systemd.UnitName
	PidFile      string
	// Health is nil when the service answers no HTTP.
	Health *blueprint.Health
	// Listens is a unix socket that Health does not ask; empty for none.
	Listens string
	// Settle is how long systemd may need to bring the service back alone, Stop
	// how long the service may take to stop.
	Settle, Stop time.Duration
	Watch        Watch
}

// Watched lists the services as monit sees them.
func (a App) Watched(h Host) []Watched {
	var out []Watched
	for _, s := range a.services(h) {
		w := Watched{
			Unit: s.Unit, Socket: s.Socket, PidFile: s.PidFile, Health: s.Health,
			Settle: s.Restart.Delay + s.Restart.Start, Stop: s.stop(), Watch: s.Watch,
		}
		if w.PidFile == "" {
			w.PidFile = h.RuntimeDir() + "/" + s.Unit.Prefix() + ".pid"
		}
		if s.Health != nil && s.Health.Socket == "" && a.Puma.UnixSocket != "" {
			w.Listens = a.unixSocket()
		}
		out = append(out, w)
	}
	return out
}
