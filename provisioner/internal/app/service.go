package app

import (
	"math"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// service is what the unit template needs; every kind of service becomes one.
type service struct {
	Unit        systemd.UnitName
	Description string
	Kind        string
	App         App
	Type        string
	Environment []blueprint.EnvVar
	EnvFile     string
	Exec        []string
	Reload      string
	Socket      systemd.UnitName
	LogFile     string
	Restart     Restart
	Health      *blueprint.Health
}

func (s service) blueprint() blueprint.Service {
	return blueprint.Service{Unit: string(s.Unit), Kind: s.Kind, Health: s.Health}
}

// Seconds writes a duration the way that unit files do, rounded up.
func Seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// RestartSec is in whole seconds.
func (s service) RestartSec() int { return Seconds(s.Restart.Delay) }

// TimeoutStartSec is in whole seconds.
func (s service) TimeoutStartSec() int { return Seconds(s.Restart.Start) }

// TimeoutStopSec is in whole seconds.
func (s service) TimeoutStopSec() int { return Seconds(s.Restart.Stop) }
