package status

// Monit is root's monit.
type Monit struct {
	Unit Unit `json:"unit"`
	// View tells whether monit was asked.
	View MonitView `json:"view"`
	// Error is why it gave no answer.
	Error string `json:"error,omitempty"`
	// IntervalSeconds is between two rounds of checks; 0 when monit was not asked.
	IntervalSeconds int `json:"interval_seconds,omitempty"`
	// Services are how many monit knows, those of others included.
	Services int `json:"services"`
}

// MonitView is what came of asking monit.
type MonitView string

// Ways of not seeing, and one of seeing.
const (
	MonitSeen MonitView = "seen"
	// MonitRootOnly is for the deploy user, who may not ask.
	MonitRootOnly MonitView = "root_only"
	// MonitNoAnswer is a monit that runs and does not answer, or refuses.
	MonitNoAnswer MonitView = "no_answer"
	// MonitNotAsked is for one that does not run.
	MonitNotAsked MonitView = "not_asked"
)

// MonitService is what monit makes of one service.
type MonitService struct {
	// Monitored is false once somebody told monit to leave the service alone.
	Monitored bool `json:"monitored"`
	// Failed are monit's events, such as "does_not_exist"; empty when all is well.
	Failed []string `json:"failed,omitempty"`
}
