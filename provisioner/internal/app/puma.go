package app

import (
	"fmt"
	"regexp"
	"strconv"
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
	Log     Log
	Restart Restart
	Health  blueprint.Health
}

// PumaVersion is a major and a minor number, for example 6.6.
type PumaVersion struct{ Major, Minor int }

var pumaVersion = regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})(\.\d+)*$`)

// ParsePumaVersion reads "6.6" or "6.6.0".
func ParsePumaVersion(text string) (PumaVersion, error) {
	m := pumaVersion.FindStringSubmatch(text)
	if m == nil {
		return PumaVersion{}, fmt.Errorf("%q is no puma version: it decides about Type=notify; write the one in Gemfile.lock, for example \"6.6\"", text)
	}
	major, _ := strconv.Atoi(m[1]) // the pattern allows digits only
	minor, _ := strconv.Atoi(m[2])
	return PumaVersion{major, minor}, nil
}

// AtLeast compares.
func (v PumaVersion) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// Notifies tells whether this puma speaks sd_notify by itself: it does from
// 6.1 on (puma's History.md). From 5.1 to 6.0 it needs the sd_notify gem.
func (v PumaVersion) Notifies() bool { return v.AtLeast(6, 1) }

// NotifiesWithGem tells whether it could with the sd_notify gem in the bundle.
func (v PumaVersion) NotifiesWithGem() bool { return v.AtLeast(5, 1) }

// Phased tells whether a reload replaces one worker after the other. Single
// mode has no workers to replace, and a preloaded app is loaded only once
// (puma/docs/restart.md).
func (p Puma) Phased() bool { return p.Workers > 0 && !p.Preload }

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
	s := service{
		Unit:        p.Unit,
		Description: fmt.Sprintf("puma of %s (%s)", a.Name, a.Stage),
		Kind:        "puma",
		App:         a,
		Type:        "simple",
		Environment: a.environment(h),
		EnvFile:     a.EnvFile,
		Exec:        append(append([]string{}, h.Command...), "bundle", "exec", "puma", "-C", a.shared("puma.rb")),
		Reload:      "/bin/kill -" + signal + " $MAINPID",
		Socket:      p.Socket,
		Restart:     p.Restart,
		Health:      &health,
	}
	if p.Notify {
		s.Type = "notify"
	}
	if p.Log == LogFile {
		s.LogFile = a.shared("log/puma.log")
	}
	return s
}
