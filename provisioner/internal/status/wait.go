package status

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

const (
	// pollEvery is short against any app's boot, and long against one request.
	pollEvery = 250 * time.Millisecond
	// oneRequest is how long one answer may take.
	oneRequest = 5 * time.Second
	// maxBody is how much of an answer is searched for Health.Content.
	maxBody = 1 << 20
)

// Wait says what to wait for, and how long.
type Wait struct {
	// Current wants puma to run the release that current links to, besides.
	Current bool
	// Timeout is how long to wait; it begins anew with each of puma's workers
	// that has come to run the release, for they are replaced one by one.
	Timeout time.Duration
}

// WaitHealthy returns nil as soon as one round finds every service of the app
// that has a health check healthy. When the time is over, it returns the last reason.
func (h Host) WaitHealthy(ctx context.Context, app blueprint.App, w Wait) error {
	var checked []blueprint.Service
	for _, s := range app.Services {
		if s.Health != nil {
			checked = append(checked, s)
		}
	}
	if len(checked) == 0 {
		return fmt.Errorf("no service of %s has a health check to wait for", app.Name)
	}
	var reason error
	furthest, end := 0, time.Now().Add(w.Timeout)
	for {
		now, cancel := context.WithDeadline(ctx, end)
		renewed, latest := h.unhealthy(now, app, checked, w.Current)
		over := now.Err() != nil
		cancel()
		if latest == nil {
			return nil
		}
		// A request that was cut off says less than the one before it.
		if reason == nil || !over {
			reason = latest
		}
		if renewed > furthest {
			furthest, end = renewed, time.Now().Add(w.Timeout)
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(pollEvery, time.Until(end))):
		}
		if ctx.Err() != nil || !time.Now().Before(end) {
			return fmt.Errorf("%s is not healthy: %w", app.Name, reason)
		}
	}
}

// unhealthy tells what is amiss, and how many of puma's workers are renewed.
func (h Host) unhealthy(ctx context.Context, app blueprint.App, services []blueprint.Service, current bool) (renewed int, err error) {
	for _, s := range services {
		if current && s.Control != "" {
			n, err := h.renewed(ctx, app, s.Control)
			renewed += n
			if err != nil {
				return renewed, fmt.Errorf("%s: %w", s.Unit, err)
			}
		}
		if err := h.probe(ctx, *s.Health); err != nil {
			return renewed, fmt.Errorf("%s: %w", s.Unit, err)
		}
	}
	return renewed, nil
}

// probe makes one request. It follows no redirect, for the status that was
// asked for is the service's own, and knows no proxy: the service is on this host.
func (h Host) probe(ctx context.Context, health blueprint.Health) error {
	ctx, cancel := context.WithTimeout(ctx, oneRequest)
	defer cancel()
	network, address := "tcp", net.JoinHostPort(cmp.Or(health.Address, "127.0.0.1"), strconv.Itoa(health.Port))
	host := address
	if health.Socket != "" {
		network, address, host = "unix", h.Users.Path(health.Socket), "localhost"
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+health.Path, http.NoBody)
	if err != nil {
		return err
	}
	if health.Host != "" {
		request.Host = health.Host
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request,
		[]*http.Request) error {
		return http.ErrUseLastResponse
	}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != health.Status {
		return fmt.Errorf("GET %s answers %d instead of %d", health.Path, response.StatusCode, health.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return fmt.Errorf("GET %s: %w", health.Path, err)
	}
	if !strings.Contains(string(body), health.Content) {
		return fmt.Errorf("GET %s answers %d, but %q is not in the first %d bytes of its body", health.Path, response.StatusCode,
			health.Content, len(body))
	}
	return nil
}
