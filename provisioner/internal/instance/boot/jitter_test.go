package boot

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// crowd is what came of instances that booted at the same moment.
type crowd struct {
	// last is when the last instance had its answer.
	last time.Duration
	// requests were made in all, and most is how many of them in one second.
	requests, most int
}

// bootTogether lets hooks of 15 s, which systemd starts again after 15 s, ask
// a service that takes a number of requests in a second and refuses the rest.
// The client is the real one, unless draw replaces how it waits; the clock is
// synctest's.
func bootTogether(t *testing.T, instances, perSecond int, draw func(time.Duration) time.Duration) crowd {
	t.Helper()
	var result crowd
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		well := imdsv2(map[string]string{"meta-data/instance-id": "i-1"})
		var mu sync.Mutex
		inSecond := map[time.Duration]int{}
		busy := service(func(conn net.Conn, req *http.Request) {
			mu.Lock()
			second := time.Since(start).Truncate(time.Second)
			inSecond[second]++
			n := inSecond[second]
			result.requests++
			result.most = max(result.most, n)
			mu.Unlock()
			if n > perSecond {
				say(conn, http.StatusServiceUnavailable, "")
				return
			}
			well(conn, req)
		})
		var all sync.WaitGroup
		for range instances {
			all.Go(func() {
				for hook(t.Context(), busy.dial, draw) != nil {
					time.Sleep(15 * time.Second) // RestartSec
				}
				mu.Lock()
				result.last = max(result.last, time.Since(start))
				mu.Unlock()
			})
		}
		all.Wait()
	})
	return result
}

func hook(ctx context.Context, dial dialer, draw func(time.Duration) time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	c := newIMDS(dial)
	if draw != nil {
		c.draw = draw
	}
	_, err := c.get(ctx, "meta-data/instance-id")
	return err
}

// TestJitterSpreadsInstances compares drawn waits with waits that double in
// step. Each instance needs two answers, so that 50 a second take 40 s at best.
func TestJitterSpreadsInstances(t *testing.T) {
	t.Parallel()
	const instances, perSecond = 1000, 50
	drawn := bootTogether(t, instances, perSecond, nil)
	inStep := bootTogether(t, instances, perSecond, func(ceiling time.Duration) time.Duration { return ceiling })
	for name, c := range map[string]crowd{"drawn": drawn, "in step": inStep} {
		t.Logf("%d instances, %d requests a second, waits %s: all done after %.1f s, %d requests, at most %d in a second",
			instances, perSecond, name, c.last.Seconds(), c.requests, c.most)
	}
	if best := 2 * instances / perSecond * time.Second; drawn.last < best-time.Second || drawn.last > 2*best {
		t.Errorf("it took %s, and could be done in %s without the pauses between attempts", drawn.last, best)
	}
	if drawn.last > inStep.last*3/4 {
		t.Errorf("drawing the waits took %s, which is hardly better than the %s in step", drawn.last, inStep.last)
	}
}
