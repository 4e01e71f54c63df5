package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// pumaStats is what puma's control server tells of its workers
// (puma/docs/stats.md). Without workers it tells none of this.
type pumaStats struct {
	// Count is nil for a puma without workers.
	Count   *int `json:"workers"`
	Phase   int  `json:"phase"`
	Workers []struct {
		PID    int  `json:"pid"`
		Phase  int  `json:"phase"`
		Booted bool `json:"booted"`
	} `json:"worker_status"`
}

// renewed counts the workers that run the release that current links to. Its
// error is nil when no other one is left: while a phased restart goes on, and
// when it cannot end because the release does not start, old workers answer.
func (h Host) renewed(ctx context.Context, app blueprint.App, control string) (int, error) {
	release, err := filepath.EvalSymlinks(h.Users.Path(app.Current()))
	if err != nil {
		return 0, fmt.Errorf("nothing is deployed: %w", err)
	}
	// A unit of the user's own may start puma with another configuration. Once
	// the image's one serves, it has opened the socket.
	if !h.exists(control) {
		return 0, nil
	}
	dir, stats, err := h.askPuma(ctx, control)
	if err != nil {
		return 0, fmt.Errorf("puma's control socket: %w", err)
	}
	if dir != release {
		return 0, fmt.Errorf("puma is still in %s, not in %s", dir, release)
	}
	return stats.renewed()
}

func (s pumaStats) renewed() (workers int, err error) {
	var old []string
	for _, w := range s.Workers {
		switch {
		case w.Phase != s.Phase:
			old = append(old, fmt.Sprintf("worker %d runs an earlier release", w.PID))
		case !w.Booted:
			old = append(old, fmt.Sprintf("worker %d has not started yet", w.PID))
		default:
			workers++
		}
	}
	if s.Count != nil && len(s.Workers) == 0 {
		old = append(old, "puma has no worker")
	}
	if old != nil {
		err = errors.New(strings.Join(old, ", "))
	}
	return workers, err
}

// askPuma tells the directory of puma's own process, and its workers. Puma
// changes to the new release when it begins to replace workers, after it has
// counted the phase up: so the directory must be looked at first.
func (h Host) askPuma(ctx context.Context, control string) (dir string, stats pumaStats, err error) {
	ctx, cancel := context.WithTimeout(ctx, oneRequest)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", h.Users.Path(control))
	if err != nil {
		return "", stats, err
	}
	defer conn.Close()
	pid, err := peer(conn)
	if err != nil {
		return "", stats, err
	}
	if dir, err = os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err != nil {
		return "", stats, err
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://puma/stats", http.NoBody)
	if err != nil {
		return "", stats, err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", stats, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", stats, fmt.Errorf("/stats answers %d", response.StatusCode)
	}
	err = json.NewDecoder(response.Body).Decode(&stats)
	return dir, stats, err
}

// peer is the process that opened the socket that a connection leads to (unix(7)).
func peer(conn net.Conn) (pid int32, err error) {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("%T is no unix socket", conn)
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) {
		cred, asked = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err := errors.Join(err, asked); err != nil {
		return 0, err
	}
	return cred.Pid, nil
}
