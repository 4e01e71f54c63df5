package status

import (
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// Report is how the host is. Its JSON form is what `deployhost status --json` prints.
type Report struct {
	// OK says that there are no Problems.
	OK   bool `json:"ok"`
	User User `json:"user"`
	// Ruby is nil when the image's Ruby was left alone.
	Ruby *Ruby `json:"ruby,omitempty"`
	// Hook is the first-boot hook's verdict; nil when it has not run in this boot.
	Hook *instance.Verdict `json:"hook"`
	// Monit is monit.service's active state; empty when no app is watched.
	Monit string      `json:"monit,omitempty"`
	Apps  []AppStatus `json:"apps"`
	// Problems each have what is wrong and what to do about it.
	Problems []Problem `json:"problems,omitempty"`
}

// User is the deploy user.
type User struct {
	Name      string `json:"name"`
	UID       int    `json:"uid"`
	Lingering bool   `json:"lingering"`
	// Manager is what `systemctl --user is-system-running` says, or "off".
	Manager string `json:"manager"`
}

// Ruby is the version that rbenv must list.
type Ruby struct {
	Version string `json:"version"`
	Present bool   `json:"present"`
}

// AppStatus is one app.
type AppStatus struct {
	Name     string    `json:"name"`
	Deployed bool      `json:"deployed"`
	Services []Service `json:"services"`
	// Values that the instance has given the app.
	Values []Value `json:"values,omitempty"`
}

// Service is one unit, in systemd's words.
type Service struct {
	Unit        string `json:"unit"`
	LoadState   string `json:"load_state"`
	ActiveState string `json:"active_state"`
	SubState    string `json:"sub_state"`
	Result      string `json:"result,omitempty"`
	// Since is when the state last changed; the zero time when it never did.
	Since    time.Time `json:"since,omitzero"`
	Restarts int       `json:"restarts"`
}

// Value is one instance value.
type Value struct {
	Name string `json:"name"`
	// Text is empty for sensitive values.
	Text      string `json:"text,omitempty"`
	Bytes     int    `json:"bytes"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// Problem is one thing that is wrong.
type Problem struct {
	What string `json:"what"`
	// Do is what to do about it; empty when What says it already.
	Do string `json:"do,omitempty"`
}

func (r *Report) add(what, do string) {
	r.Problems = append(r.Problems, Problem{What: what, Do: do})
}
