// Package app turns a typed description of one application into blueprint
// entries: its user units, their enablement, Capistrano's layout and puma.rb.
package app

import (
	"fmt"
	"regexp"
	"slices"
)

// Name is an application's name: part of unit names, paths and file names.
type Name string

var name = regexp.MustCompile(`^[a-z][a-z0-9]*([_-][a-z0-9]+)*$`)

// maxName leaves room for the kind and the stage within a unit name and for
// monit's and the run directory's prefixes.
const maxName = 64

// ParseName accepts lower-case words joined by "-" or "_".
func ParseName(text string) (Name, error) {
	if text == "" {
		return "", fmt.Errorf("is missing: units, directories and monit checks are named after it; write for example name = \"shop\"")
	}
	if !name.MatchString(text) || len(text) > maxName {
		return "", fmt.Errorf("%q is no app name: it becomes part of unit names and paths, so use lower-case letters, digits and single \"-\" or \"_\" between them, at most %d characters; for example \"web-shop\"", text, maxName)
	}
	return Name(text), nil
}

// Stage is a Capistrano stage or a Rails environment.
type Stage string

var stage = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

// ParseStage accepts a word.
func ParseStage(text string) (Stage, error) {
	if !stage.MatchString(text) {
		return "", fmt.Errorf("%q is no environment name: it becomes RAILS_ENV and part of unit names, so use letters, digits, \"_\" and \"-\"; for example \"production\"", text)
	}
	return Stage(text), nil
}

var relativePath = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)
var dotDot = regexp.MustCompile(`(^|/)\.\.?(/|$)`)

// RelativePath is a path below an app's shared directory.
type RelativePath string

// ParseRelativePath accepts paths such as "config/database.yml".
func ParseRelativePath(text string) (RelativePath, error) {
	if !relativePath.MatchString(text) || dotDot.MatchString(text) {
		return "", fmt.Errorf("%q is no path below shared/: write it relative, with letters, digits and \"_.-\" and no \"..\"; for example \"config/database.yml\"", text)
	}
	return RelativePath(text), nil
}

// ServiceName tells an app's services of one kind apart.
type ServiceName string

// ParseServiceName accepts lower-case words joined by "-" or "_", except for
// those that name another kind of service.
func ParseServiceName(text string) (ServiceName, error) {
	switch {
	case text == "puma" || text == "sidekiq":
		return "", fmt.Errorf("%q is a kind of service that has a block of its own: write that block, or choose another name", text)
	case !name.MatchString(text) || len(text) > maxName:
		return "", fmt.Errorf("%q is no service name: it becomes part of the unit's name and the log's, so use lower-case letters, digits and single \"-\" or \"_\" between them, at most %d characters; for example \"clockwork\"", text, maxName)
	}
	return ServiceName(text), nil
}

// ParseSidekiqName accepts service names that may end a unit's name behind a
// dot: systemctl would read "shop_sidekiq_production.socket" as a socket.
func ParseSidekiqName(text string) (ServiceName, error) {
	if slices.Contains(unitTypes, text) {
		return "", fmt.Errorf("%q is a type of unit, and the unit's name would end in it, so systemctl would look for that type: choose another name, for example \"%s_jobs\"", text, text)
	}
	return ParseServiceName(text)
}

var unitTypes = []string{
	"service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope",
}

// ParseReleasePath accepts a path within a release, such as "config/sidekiq.yml".
func ParseReleasePath(text string) (RelativePath, error) {
	if !relativePath.MatchString(text) || dotDot.MatchString(text) {
		return "", fmt.Errorf("%q is no path within a release: write it relative to current, with letters, digits and \"_.-\" and no \"..\"; for example \"config/sidekiq.yml\"", text)
	}
	return RelativePath(text), nil
}
