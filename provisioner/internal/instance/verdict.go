package instance

// Verdict is what the hook writes to blueprint.VerdictPath, root 0644, at its
// every end. It holds names and lengths, never values.
type Verdict struct {
	OK bool `json:"ok"`
	// Source is where metadata came from: "cloud-init", "ec2" or "none".
	Source string `json:"source"`
	// InstanceID is empty when no source gives one.
	InstanceID string `json:"instance_id,omitempty"`
	// Problems each say what is wrong and what to do about it; empty when OK.
	Problems []string `json:"problems,omitempty"`
	// Warnings name optional values that were left out, and why.
	Warnings []string `json:"warnings,omitempty"`
	// Values that were written.
	Values []ValueVerdict `json:"values,omitempty"`
	// Attempt counts the hook's runs of this boot, from 1.
	Attempt int `json:"attempt"`
	// Seconds that this attempt took.
	Seconds float64 `json:"seconds"`
}

// ValueVerdict tells that a value was written, not what it is.
type ValueVerdict struct {
	Name      string   `json:"name"`
	From      string   `json:"from"`
	Defaulted bool     `json:"defaulted,omitempty"`
	Bytes     int      `json:"bytes"`
	Sensitive bool     `json:"sensitive,omitempty"`
	Apps      []string `json:"apps,omitempty"`
}
