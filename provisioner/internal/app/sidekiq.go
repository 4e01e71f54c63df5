package app

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// Sidekiq is one Sidekiq process.
type Sidekiq struct {
	// Name tells several of one app apart; empty for the one without.
	Name ServiceName
	Unit systemd.UnitName
	// Version is 0 when it is not known.
	Version Version
	// Notify makes it Type=notify.
	Notify bool
	// Config is a file in the release; empty for Sidekiq's own default.
	Config RelativePath
	Queues []Queue
	// Concurrency is 0 where the config file or RAILS_MAX_THREADS decides.
	Concurrency int
	// Timeout is what running jobs get after SIGTERM before they are given back.
	Timeout time.Duration
	// Quiet is how long Sidekiq may finish jobs before SIGTERM; 0 for not at all.
	Quiet time.Duration
	Process
}

// SidekiqUnit is the name, without ".service", that capistrano-sidekiq 3 gives
// the unit (sidekiq_service_unit_name in its tasks/systemd.rake): that of
// config/sidekiq.yml has no name, any other is named after its config file.
func SidekiqUnit(app Name, stage Stage, name ServiceName) string {
	unit := fmt.Sprintf("%s_sidekiq_%s", app, stage)
	if name != "" {
		unit += "." + string(name)
	}
	return unit
}

// Queue is a queue's name, with its weight behind a comma or without.
type Queue string

var queue = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]*(,[1-9][0-9]{0,3})?$`)

// ParseQueue accepts "default" and "critical,2".
func ParseQueue(text string) (Queue, error) {
	if !queue.MatchString(text) {
		return "", fmt.Errorf("%q is no queue: write its name, and its weight behind a comma if it has one; for example \"critical,2\"", text)
	}
	return Queue(text), nil
}

// beat is how old the number of busy jobs in Sidekiq's process title may be
// (BEAT_PAUSE in sidekiq/launcher.rb: 5 s, and 10 s from 7.0 on).
const beat = 10 * time.Second

// quietScript waits until the process title says that no job is running. It
// must end only then, for systemd sends SIGTERM right after it.
const quietScript = `test -n "$MAINPID" && kill -TSTP "$MAINPID" || exit 0; ` +
	`n=0; while [ $n -lt %d ]; do sleep 1; n=$((n+1)); ` +
	`[ $n -lt %d ] || grep -q "\[[1-9][0-9]* of [0-9]* busy\]" /proc/$MAINPID/cmdline || exit 0; done`

func (a App) sidekiqService(h Host, k Sidekiq) service {
	label, logName := "sidekiq", "sidekiq"
	if k.Name != "" {
		label, logName = "sidekiq "+string(k.Name), "sidekiq."+string(k.Name)
	}
	s := a.service(h, "sidekiq", logName, k.Process)
	s.Description = fmt.Sprintf("%s of %s (%s)", label, a.Name, a.Stage)
	s.Unit, s.Version, s.Notify = k.Unit, k.Version, k.Notify
	words := []string{"bundle", "exec", "sidekiq"}
	if k.Config != "" {
		words = append(words, "-C", string(k.Config))
	}
	for _, q := range k.Queues {
		words = append(words, "-q", string(q))
	}
	if k.Concurrency != 0 {
		words = append(words, "-c", strconv.Itoa(k.Concurrency))
	}
	words = append(words, "-t", strconv.Itoa(Seconds(k.Timeout)))
	s.Exec = h.ruby(words...)
	if k.Quiet > 0 {
		script := fmt.Sprintf(quietScript, Seconds(k.Quiet), Seconds(min(beat, k.Quiet)))
		s.Stop, s.StopTakes = []string{"/bin/sh", "-c", script}, k.Quiet
	}
	return s
}
