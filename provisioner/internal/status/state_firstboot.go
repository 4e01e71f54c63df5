package status

import "time"

// FirstBoot is the first-boot hook and what it has written.
type FirstBoot struct {
	State HookState `json:"state"`
	// WaitsFor are units that the hook waits for before it runs.
	WaitsFor []string `json:"waits_for,omitempty"`
	// At is when the latest attempt ended, and Seconds how long it took.
	At      time.Time `json:"at,omitzero"`
	Seconds float64   `json:"seconds,omitempty"`
	// Attempt counts the runs of this boot, from 1; 0 before the first has ended.
	Attempt int `json:"attempt"`
	// Source is "cloud-init", "ec2" or "none".
	Source     string `json:"source,omitempty"`
	InstanceID string `json:"instance_id,omitempty"`
	// Problems and Warnings are the latest attempt's own words.
	Problems []string `json:"problems,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	Values   []Value  `json:"values"`
	// Unit is the hook's.
	Unit Unit `json:"unit"`
}

// HookState is the hook's.
type HookState string

// States of the hook.
const (
	HookSucceeded HookState = "succeeded"
	// HookFailed is tried again every 15 seconds.
	HookFailed HookState = "failed"
	// HookRunning is at its first attempt, or waits to begin it.
	HookRunning HookState = "running"
	// HookNotRun has left no verdict and is not about to.
	HookNotRun HookState = "not_run"
	// HookUnreadable has left a verdict that cannot be read.
	HookUnreadable HookState = "unreadable"
)

// Value is one instance value.
type Value struct {
	Name string `json:"name"`
	From string `json:"from"`
	// Defaulted says that the source had none that passes.
	Defaulted bool `json:"defaulted,omitempty"`
	// Apps that get it; empty for all.
	Apps []string `json:"apps,omitempty"`
	// Bytes is its length.
	Bytes     int  `json:"bytes"`
	Sensitive bool `json:"sensitive,omitempty"`
	// Text is nil for sensitive values, and for those that could not be read.
	Text *string `json:"text,omitempty"`
}
