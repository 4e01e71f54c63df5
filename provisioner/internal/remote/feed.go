package remote

import (
	"context"
	"fmt"
	"regexp"
	"sync/atomic"
)

// feeder uploads what the host tool asks for while it runs.
type feeder struct {
	keys chan string
	done chan struct{}
	// busy is set while an upload is under way.
	busy atomic.Bool
	end  context.CancelFunc
}

// maxWants is more than a host tool asks for: what does not fit is not uploaded.
const maxWants = 16

// wantedKey keeps what the host says out of the paths on it.
var wantedKey = regexp.MustCompile(`^[0-9a-f]{64}$`)

// feed ends the run, by fail, when an upload fails: the host tool cannot be told.
func (s *session) feed(ctx context.Context, fail context.CancelCauseFunc) *feeder {
	f := &feeder{keys: make(chan string, maxWants), done: make(chan struct{})}
	ctx, f.end = context.WithCancel(ctx)
	go func() {
		defer close(f.done)
		for key := range f.keys {
			f.busy.Store(true)
			err := s.give(ctx, key)
			if err != nil && ctx.Err() == nil {
				fail(err)
			}
			if err != nil {
				return
			}
			f.busy.Store(false)
		}
	}()
	return f
}

func (s *session) give(ctx context.Context, key string) error {
	if s.opts.Wanted == nil || !wantedKey.MatchString(key) {
		return fmt.Errorf("the host asks for %q, which nobody has offered", key)
	}
	file, err := s.opts.Wanted(key)
	if err != nil {
		return err
	}
	return s.uploadFile(ctx, s.route.bundle+"."+key, file)
}

// want is called while output is read, which must not wait for an upload.
func (f *feeder) want(key string) {
	select {
	case f.keys <- key:
	default:
	}
}

// stop ends an upload under way, and tells whether there was one: a
// communicator that does one thing at a time begins it when the run is over, and
// nobody on the host removes it then.
func (f *feeder) stop() (late bool) {
	close(f.keys)
	late = f.busy.Load()
	f.end()
	<-f.done
	return late
}
