package app

import (
	"fmt"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// Puma is the app's web server.
type Puma struct {
	// Unit and Socket are the unit names; Socket is empty without activation.
	Unit, Socket systemd.UnitName
	// Notify makes it Type=notify.
	Notify bool
	// Address and Port to listen on.
	Address string
	Port    int
	// Workers is 0 for single mode. WEB_CONCURRENCY overrides it at boot.
	Workers                int
	MinThreads, MaxThreads int
	// Preload loads the app before forking; it rules a phased restart out.
	Preload bool
	Health  blueprint.Health
	Process
}

// Phased tells whether a reload replaces one worker after the other. Single
// mode has no workers to replace, and a preloaded app is loaded only once
// (puma/docs/restart.md).
func (p Puma) Phased() bool { return p.Workers > 0 && !p.Preload }

// ShutdownSec is how long a worker may finish its requests, in whole seconds.
// Puma kills it after 30 unless told otherwise (puma/lib/puma/configuration.rb).
func (p Puma) ShutdownSec() int { return Seconds(p.Restart.Stop) }

// Bind is puma's bind URL, which must equal the socket unit's address for
// puma to take the inherited socket (puma/docs/systemd.md).
func (p Puma) Bind() string { return "tcp://" + p.listen() }

func (p Puma) listen() string {
	if strings.Contains(p.Address, ":") { // IPv6
		return fmt.Sprintf("[%s]:%d", p.Address, p.Port)
	}
	return fmt.Sprintf("%s:%d", p.Address, p.Port)
}

// PidFile is what monit watches.
func (a App) PidFile() string { return a.shared("tmp/pids/puma.pid") }

func (a App) pumaService(h Host) service {
	p := a.Puma
	// USR1 replaces workers one by one; where puma can't, USR2 restarts it in
	// place, with the same process and the same listening socket.
	signal := "USR2"
	if p.Phased() {
		signal = "USR1"
	}
	health := p.Health
	s := a.service(h, "puma", "puma", p.Process)
	s.Unit, s.Socket, s.Notify, s.Health, s.PidFile = p.Unit, p.Socket, p.Notify, &health, a.PidFile()
	s.Exec = h.ruby("bundle", "exec", "puma", "-C", a.shared("puma.rb"))
	s.Reload = "/bin/kill -" + signal + " $MAINPID"
	return s
}
