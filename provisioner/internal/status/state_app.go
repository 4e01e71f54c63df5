package status

import "time"

// App is one application.
type App struct {
	Name  string `json:"name"`
	Stage string `json:"stage"`
	// Current is the link that Capistrano moves.
	Current  string   `json:"current"`
	Deployed Deployed `json:"deployed"`
	// Release is the last part of what Current leads to.
	Release string `json:"release,omitempty"`
	// Starter is the path unit that starts the app at its first deploy.
	Starter  Unit      `json:"starter"`
	Services []Service `json:"services"`
	// Values tells whether the app's instance values are there, ValuesNone when it takes none.
	Values  ValuesState `json:"values"`
	Watched Watched     `json:"watched"`
}

// Deployed is how far an app is.
type Deployed string

// States of Current.
const (
	NotDeployed  Deployed = "no"
	IsDeployed   Deployed = "yes"
	DanglingLink Deployed = "dangling"
)

// Watched is whether monit was given an app's checks.
type Watched string

// Watched or not.
const (
	WatchedNever Watched = "never"
	// WatchedNotYet is before the first deploy, and as long as the hook fails.
	WatchedNotYet Watched = "not_yet"
	WatchedYes    Watched = "yes"
)

// ValuesState is the state of an app's EnvironmentFile.
type ValuesState string

// States of an EnvironmentFile.
const (
	ValuesNone       ValuesState = "none"
	ValuesThere      ValuesState = "there"
	ValuesMissing    ValuesState = "missing"
	ValuesUnreadable ValuesState = "unreadable"
)

// Unit is any unit, in systemd's words (`systemctl show`); its LoadState is
// empty when its manager was not asked.
type Unit struct {
	Name          string `json:"unit"`
	LoadState     string `json:"load_state,omitempty"`
	UnitFileState string `json:"unit_file_state,omitempty"`
	ActiveState   string `json:"active_state,omitempty"`
	SubState      string `json:"sub_state,omitempty"`
	Result        string `json:"result,omitempty"`
	// Since is when ActiveState was entered; zero when it always was so.
	Since time.Time `json:"since,omitzero"`
	// NeedsReload says that the unit's file has changed since its manager read it.
	NeedsReload bool `json:"needs_reload,omitempty"`
	// ConditionUnmet says that the latest start was skipped for the unit's own condition.
	ConditionUnmet bool `json:"condition_unmet,omitempty"`
}

// Service is one service of an app.
type Service struct {
	Unit
	Kind     string `json:"kind"`
	Restarts int    `json:"restarts"`
	// Exit is how the main process ended; nil while it runs, or when it never did.
	Exit        *Exit `json:"exit,omitempty"`
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	// Socket is nil when the service has none of systemd's.
	Socket *Unit   `json:"socket,omitempty"`
	Health *Health `json:"health,omitempty"`
	// Monit is nil when monit could not be asked, or does not know the service.
	Monit *MonitService `json:"monit,omitempty"`
	// Log is the end of what a service that is down has said; nil for others.
	Log *Log `json:"log,omitempty"`
}

// Exit is the end of a process.
type Exit struct {
	// Code is "exited", "killed" or "dumped".
	Code string `json:"code"`
	// Status is the exit status, or the signal's number.
	Status int `json:"status"`
}

// Health is one request to the service's health check.
type Health struct {
	OK bool `json:"ok"`
	// Error is why not.
	Error string `json:"error,omitempty"`
}

// Log is the end of a service's output.
type Log struct {
	// File is where it came from; empty for the journal.
	File  string    `json:"file,omitempty"`
	Lines []LogLine `json:"lines"`
	// Error is why it could not be read.
	Error string `json:"error,omitempty"`
}

// LogLine is one line, made safe for terminals.
type LogLine struct {
	// At is zero in a file.
	At   time.Time `json:"at,omitzero"`
	Text string    `json:"text"`
}

// Running tells whether a service does its work.
func (s Service) Running() bool { return s.ActiveState == "active" || s.ActiveState == "reloading" }

// loops tells whether a service keeps ending, be it that it runs at this moment.
func (s Service) loops(now time.Time) bool {
	const (
		// steady is how long it has to run after restarts to count as well.
		steady = time.Minute
		// many restarts are not just one crash.
		many = 3
	)
	return s.SubState == "auto-restart" || s.Restarts >= many && (s.ActiveState == "activating" || s.Running() && now.Sub(s.Since) < steady)
}

// down tells whether a deployed service lacks.
func (s Service) down(now time.Time) bool {
	return s.LoadState != "" && (!s.Running() || s.loops(now) || s.Health != nil && !s.Health.OK)
}
