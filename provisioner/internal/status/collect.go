package status

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// look is one look at a host. Its parts work at the same time, each on its own
// fields of state.
type look struct {
	Host
	b     *blueprint.Blueprint
	state State

	missing sync.Mutex
	// secrets are known before anybody else is asked, and then only read.
	secrets []string
}

// Collect looks at everything once, and starts nothing. It takes as long as the
// slowest part, each of which has a time of its own; what cannot be looked at is
// in Missed.
func Collect(ctx context.Context, h Host, b *blueprint.Blueprint, now time.Time) State {
	l := &look{Host: h, b: b, state: State{At: now.Truncate(time.Second), AskedBy: DeployUser}}
	if h.Users.EUID == 0 {
		l.state.AskedBy = Root
	}
	name, err := os.ReadFile(h.Users.Path("/proc/sys/kernel/hostname"))
	if err != nil {
		l.miss("the host's name: %v", err)
	}
	l.state.Host = readable(strings.TrimSpace(string(name)))
	// The files first: the rest builds upon them, and they take no time.
	l.apps()
	l.verdict()
	var system map[string]shown
	var jobs string
	together(
		func() {
			system, jobs = l.system(ctx)
			if l.user(system) {
				together(func() { l.services(ctx) }, func() { l.manager(ctx) })
			}
		},
		func() { l.ruby(ctx) },
		func() { l.health(ctx) },
		l.disks,
	)
	l.eachService(func(_ blueprint.Service, s *Service) {
		if !s.Running() {
			s.Health = nil // whoever answered there was not the service
		}
	})
	l.hookUnit(system, jobs)
	// These ask about what was found.
	together(func() { l.monit(ctx, system) }, func() { l.logs(ctx) })
	return l.state
}

func together(parts ...func()) {
	var running sync.WaitGroup
	for _, part := range parts {
		running.Go(part)
	}
	running.Wait()
}

func (l *look) miss(format string, args ...any) {
	l.missing.Lock()
	defer l.missing.Unlock()
	l.state.Missed = append(l.state.Missed, readable(l.hideIn(fmt.Sprintf(format, args...))))
}

// eachService calls f for every service of every app.
func (l *look) eachService(f func(baked blueprint.Service, s *Service)) {
	for i, app := range l.b.Apps {
		for j, baked := range app.Services {
			f(baked, &l.state.Apps[i].Services[j])
		}
	}
}
