package app

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd/unittemplate"
)

// Process is what any kind of service can be told about how systemd runs it.
type Process struct {
	Log     Log
	Restart Restart
	Limits  Limits
	// Watch is what monit does besides.
	Watch Watch
	// Env is set for this service only, over the app's, sorted by name.
	Env []blueprint.EnvVar
	// Extra directives end the [Service] section, sorted by name.
	Extra []Directive
	// Template is the user's own for the unit; nil for the built-in one.
	Template *unittemplate.File
}

// Log is where a service's output goes.
type Log string

// The places for output.
const (
	LogJournal Log = "journal"
	LogFile    Log = "file"
)

// Restart says how systemd brings a service back.
type Restart struct {
	// Delay is RestartSec.
	Delay time.Duration
	// Start is how long the service may take until it answers.
	Start time.Duration
	// Stop is TimeoutStopSec.
	Stop time.Duration
}

// Limits bind through the control groups that the user manager was delegated.
type Limits struct {
	// MemoryMax kills, MemoryHigh slows down; empty for no limit.
	MemoryMax, MemoryHigh Memory
	// CPUQuota is empty for no limit; 100% is one processor.
	CPUQuota Percent
	// TasksMax counts processes and threads; 0 for the manager's own limit.
	TasksMax int
}

// Memory is a size such as "512M", or a share of the machine's such as "40%".
type Memory string

var memory = regexp.MustCompile(`^([1-9][0-9]{0,14}[KMGT]|[1-9][0-9]?%|100%)$`)

// ParseMemory accepts whole numbers with K, M, G or T, which count in 1024s
// (systemd.resource-control(5)), and percentages. A bare number would be bytes.
func ParseMemory(text string) (Memory, error) {
	if !memory.MatchString(text) {
		return "", fmt.Errorf("%q is no amount of memory: write a whole number with K, M, G or T, for example \"768M\", or a share of the machine's memory, for example \"40%%\"", text)
	}
	return Memory(text), nil
}

// Percent is a share of one processor; "150%" is one and a half.
type Percent string

var percent = regexp.MustCompile(`^[1-9][0-9]{0,5}%$`)

// ParsePercent accepts whole percentages above 0.
func ParsePercent(text string) (Percent, error) {
	if !percent.MatchString(text) {
		return "", fmt.Errorf("%q is no share of processors: 100%% is one of them; write for example \"150%%\" for one and a half", text)
	}
	return Percent(text), nil
}

// HighIsIdle tells whether MemoryMax is reached before MemoryHigh does
// anything; a size and a share cannot be compared.
func (l Limits) HighIsIdle() bool {
	high, highUnit := l.MemoryHigh.parts()
	low, lowUnit := l.MemoryMax.parts()
	return high > 0 && low > 0 && (highUnit == '%') == (lowUnit == '%') && high*scale[highUnit] >= low*scale[lowUnit]
}

var scale = map[byte]float64{'%': 1, 'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40}

// parts are a number and a key of scale; 0 for no limit.
func (m Memory) parts() (number float64, unit byte) {
	if m == "" {
		return 0, '%'
	}
	number, _ = strconv.ParseFloat(string(m[:len(m)-1]), 64) // its pattern has digits only
	return number, m[len(m)-1]
}
