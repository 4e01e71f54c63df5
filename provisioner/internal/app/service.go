package app

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// service is what the unit template needs; every kind of service becomes one.
type service struct {
	Unit        systemd.UnitName
	Description string
	Kind        string
	// Version of the gem that Kind names; 0 when it is not known.
	Version Version
	App     App
	// Type is systemd's; empty for what Notify says.
	Type        string
	Notify      bool
	Environment []blueprint.EnvVar
	EnvFile     string
	Exec        []string
	// ReloadSignal makes the program load the current release; empty for none.
	ReloadSignal string
	// Stop is a command before SIGTERM, which takes StopTakes at most.
	Stop      []string
	StopTakes time.Duration
	Socket    systemd.UnitName
	LogFile   string
	// PidFile is the program's own; empty when the unit has to write one.
	PidFile string
	Health  *blueprint.Health
	// Control is puma's control socket; empty for other kinds.
	Control string
	Process
}

// service begins one of any kind; logName is its file's in shared/log.
func (a App) service(h Host, kind, logName string, p Process) service {
	s := service{
		Description: fmt.Sprintf("%s of %s (%s)", logName, a.Name, a.Stage),
		Kind:        kind,
		App:         a,
		Environment: override(a.environment(h), p.Env),
		EnvFile:     a.EnvFile,
		Process:     p,
	}
	if p.Log == LogFile {
		s.LogFile = a.shared("log/" + logName + ".log")
	}
	return s
}

// override is all of the variables, without those of the app's that the
// service has its own of.
func override(apps, own []blueprint.EnvVar) []blueprint.EnvVar {
	kept := slices.DeleteFunc(slices.Clone(apps), func(v blueprint.EnvVar) bool {
		return slices.ContainsFunc(own, func(o blueprint.EnvVar) bool { return o.Name == v.Name })
	})
	return append(kept, own...)
}

func (s service) blueprint() blueprint.Service {
	return blueprint.Service{Unit: string(s.Unit), Kind: s.Kind, Health: s.Health, Control: s.Control}
}

// SystemdType is Type=.
func (s service) SystemdType() string {
	switch {
	case s.Type != "":
		return s.Type
	case s.Notify:
		return "notify"
	default:
		return "simple"
	}
}

// Seconds writes a duration the way that unit files do, rounded up.
func Seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// RestartSec is in whole seconds.
func (s service) RestartSec() int { return Seconds(s.Restart.Delay) }

// TimeoutStartSec is in whole seconds.
func (s service) TimeoutStartSec() int { return Seconds(s.Restart.Start) }

// stopSlack is what a stop command may take beyond its own waiting.
const stopSlack = 5 * time.Second

// TimeoutStopSec is in whole seconds. It bounds the stop command, and what
// comes after SIGTERM once more (systemd.service(5)).
func (s service) TimeoutStopSec() int {
	if len(s.Stop) == 0 {
		return Seconds(s.Restart.Stop)
	}
	return Seconds(max(s.Restart.Stop, s.StopTakes+stopSlack))
}

// stop is the most that stopping takes in all.
func (s service) stop() time.Duration {
	after := time.Duration(s.TimeoutStopSec()) * time.Second
	if len(s.Stop) == 0 {
		return after
	}
	return after + s.StopTakes + stopSlack
}
