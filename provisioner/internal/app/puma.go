package app

import (
	"net"
	"strconv"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// Puma is the app's web server.
type Puma struct {
	// Unit and Socket are the unit names; Socket is empty without activation.
	Unit, Socket systemd.UnitName
	// Version is 0 when it is not known.
	Version Version
	// Notify makes it Type=notify.
	Notify bool
	// Address and Port to listen on; Port is 0 when puma has UnixSocket alone.
	Address string
	Port    int
	// UnixSocket to listen on, too; empty for none.
	UnixSocket RelativePath
	// Workers is 0 for single mode. WEB_CONCURRENCY overrides it at boot.
	Workers                int
	MinThreads, MaxThreads int
	// Preload loads the app before forking; it rules a phased restart out.
	Preload bool
	// InPlace makes a reload restart puma although it could be phased.
	InPlace bool
	Health  blueprint.Health
	Process
}

// Phased tells whether a reload replaces one worker after the other. Single
// mode has no workers to replace, and a preloaded app is loaded only once
// (puma/docs/restart.md).
func (p Puma) Phased() bool { return p.Workers > 0 && !p.Preload && !p.InPlace }

// ShutdownSec is how long a worker may finish its requests, in whole seconds.
// Puma kills it after 30 unless told otherwise (puma/lib/puma/configuration.rb).
func (p Puma) ShutdownSec() int { return Seconds(p.Restart.Stop) }

// Listener is one address, which puma and the socket unit must have alike for
// puma to take the inherited socket (puma/docs/systemd.md).
type Listener struct{ Scheme, Address string }

// Bind is puma's URL for it.
func (l Listener) Bind() string { return l.Scheme + "://" + l.Address }

// Listeners are all that puma listens on.
func (a App) Listeners() []Listener {
	var out []Listener
	if p := a.Puma; p.Port != 0 {
		out = append(out, Listener{"tcp", net.JoinHostPort(p.Address, strconv.Itoa(p.Port))})
	}
	if a.Puma.UnixSocket != "" {
		out = append(out, Listener{"unix", a.unixSocket()})
	}
	return out
}

func (a App) unixSocket() string { return a.shared(string(a.Puma.UnixSocket)) }

func (a App) pumaConfig() string { return a.shared("puma.rb") }

// controlSocket is where puma tells of its workers. It is in the directory that
// nobody else may enter, and short enough whatever the app's name.
func (a App) controlSocket(h Host) string {
	return h.RuntimeDir() + "/" + string(a.Name) + ".puma-control"
}

// pumaFile is what the template of puma.rb needs.
type pumaFile struct {
	App
	Control string
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
	if p.Port == 0 {
		health.Socket = a.unixSocket()
	}
	s := a.service(h, "puma", "puma", p.Process)
	s.Unit, s.Socket, s.Version, s.Notify, s.Health, s.PidFile = p.Unit, p.Socket, p.Version, p.Notify, &health, a.PidFile()
	s.Control = a.controlSocket(h)
	s.Exec = h.ruby("bundle", "exec", "puma", "-C", a.pumaConfig())
	s.ReloadSignal = signal
	return s
}
