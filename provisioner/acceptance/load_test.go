//go:build acceptance && linux

package acceptance

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// load is a constant rate of requests, which goes on whatever becomes of them:
// nobody who is refused makes the others wait.
type load struct {
	attacker *vegeta.Attacker
	ended    chan struct{}
	tally
}

// tally is what became of a load's requests.
type tally struct {
	requests int
	// failed are those that ended with anything but a 200, by what they
	// ended with.
	failed map[string]int
	worst  time.Duration
}

// fromOutside makes requests of a new connection each. Each is sent a moment
// after its connection is made, as it is over a network: between two
// programs on one machine puma would hardly ever see a connection without one.
func fromOutside(m *machine) *load {
	const moment = 20 * time.Millisecond
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &lateConn{Conn: conn, by: moment}, err
	}
	// Some are at work whenever puma stops.
	targets := []vegeta.Target{m.target(http.MethodGet, "/slow")}
	for range 29 {
		targets = append(targets, m.target(http.MethodGet, "/"))
	}
	return start(60, &http.Transport{DialContext: dial, DisableKeepAlives: true}, targets...)
}

// keptAlive makes requests over connections that stay. They are POST: Go's
// client would hide that a kept connection was reset by repeating a GET.
func keptAlive(m *machine) *load {
	return start(15, &http.Transport{MaxIdleConnsPerHost: 16}, m.target(http.MethodPost, "/"))
}

func (m *machine) target(method, path string) vegeta.Target {
	return vegeta.Target{Method: method, URL: "http://" + m.Addr() + ":3000" + path}
}

// start begins with rate requests per second.
func start(rate int, transport *http.Transport, targets ...vegeta.Target) *load {
	client := &http.Client{Timeout: 30 * time.Second, Transport: transport}
	l := &load{attacker: vegeta.NewAttacker(vegeta.Client(client)), ended: make(chan struct{}), tally: tally{failed: map[string]int{}}}
	const noEnd = 0
	results := l.attacker.Attack(vegeta.NewStaticTargeter(targets...), vegeta.Rate{Freq: rate, Per: time.Second}, noEnd, "")
	go func() {
		defer close(l.ended)
		for result := range results {
			l.add(result)
		}
		transport.CloseIdleConnections()
	}()
	return l
}

// stop waits for the last answers.
func (l *load) stop() tally {
	l.attacker.Stop()
	<-l.ended
	return l.tally
}

// addresses differ from error to error.
var addresses = regexp.MustCompile(`[0-9.]+:[0-9]+->[0-9.]+:[0-9]+`)

func (t *tally) add(result *vegeta.Result) {
	t.requests++
	t.worst = max(t.worst, result.Latency)
	if result.Code != http.StatusOK {
		t.failed[fmt.Sprint(result.Code, " ", addresses.ReplaceAllString(result.Error, "…"))]++
	}
}

// failures counts those whose error has text in it.
func (t *tally) failures(text string) int {
	n := 0
	for said, times := range t.failed {
		if strings.Contains(said, text) {
			n += times
		}
	}
	return n
}

// lateConn sends its first bytes late.
type lateConn struct {
	net.Conn
	by time.Duration
}

func (c *lateConn) Write(p []byte) (int, error) {
	time.Sleep(c.by)
	c.by = 0
	return c.Conn.Write(p)
}
