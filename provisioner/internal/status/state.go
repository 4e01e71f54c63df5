package status

import (
	"time"
)

// State is how the host was when it was looked at. It holds no judgement: that
// is Judge's. Texts of others (logs, hosts' names) have been made readable.
type State struct {
	// At is when the host was looked at.
	At time.Time `json:"at"`
	// Host is its name.
	Host string `json:"host"`
	// AskedBy decides what could be seen, and how the advice is worded.
	AskedBy Asker `json:"asked_by"`
	User    User  `json:"user"`
	// Ruby is nil when the image's Ruby was left alone.
	Ruby      *Ruby     `json:"ruby,omitempty"`
	FirstBoot FirstBoot `json:"first_boot"`
	// Monit is nil when no app is watched.
	Monit *Monit `json:"monit,omitempty"`
	Disks []Disk `json:"disks"`
	Apps  []App  `json:"apps"`
	// Missed are things that could not be looked at, and why.
	Missed []string `json:"missed,omitempty"`
}

// Asker is who runs the command.
type Asker string

// Nobody else can speak to the user's services.
const (
	Root       Asker = "root"
	DeployUser Asker = "deploy_user"
)

// User is the deploy user.
type User struct {
	Name string `json:"name"`
	UID  int    `json:"uid"`
	// Differs is in which respect the user is not the one baked; empty when it is.
	Differs   string `json:"differs,omitempty"`
	Lingering bool   `json:"lingering"`
	// Manager is what `systemctl --user is-system-running` says, ManagerOff or ManagerSilent.
	Manager string `json:"manager"`
	// ManagerSince is when it came into that state; zero when it never ran.
	ManagerSince time.Time `json:"manager_since,omitzero"`
}

// What User.Manager is besides systemd's own words.
const (
	ManagerOff = "off"
	// ManagerSilent is one that runs, but does not answer.
	ManagerSilent = "silent"
)

// Ruby is the version that was baked.
type Ruby struct {
	Version string    `json:"version"`
	State   RubyState `json:"state"`
	// Runs is what `rbenv exec ruby -v` says, as the deploy user.
	Runs string `json:"runs,omitempty"`
	// Installed are the versions that rbenv lists.
	Installed []string `json:"installed"`
	// Error is what was said instead.
	Error string `json:"error,omitempty"`
}

// RubyState is a Ruby's.
type RubyState string

// States of a Ruby.
const (
	RubyWorks RubyState = "works"
	// RubyMissing has no directory in rbenv's versions.
	RubyMissing RubyState = "missing"
	// RubyBroken is there and does not run.
	RubyBroken RubyState = "broken"
)

// Disk is one file system.
type Disk struct {
	// Path is the first of those looked at that lies on it.
	Path string `json:"path"`
	// UsedPercent and InodesUsedPercent are rounded up, of what users may have.
	UsedPercent       int `json:"used_percent"`
	InodesUsedPercent int `json:"inodes_used_percent"`
}
