package status

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

const (
	// monitSocket is what the image's configuration of monit opens, for root alone.
	monitSocket = "/run/monit.sock"
	// monitName is the user and password there ("allow root:root"). They protect
	// nothing: the socket's mode does.
	monitName = "root"
	// maxMonit is enough for a thousand services.
	maxMonit = 2 << 20
)

// monit asks monit what it makes of the services, if the caller may ask.
func (l *look) monit(ctx context.Context, system map[string]shown) {
	watched := false
	for _, app := range l.b.Apps {
		watched = watched || app.Monit
	}
	if !watched {
		return
	}
	m := &Monit{Unit: system[monitUnit].unit(monitUnit), View: MonitNotAsked}
	l.state.Monit = m
	switch {
	case m.Unit.ActiveState != "active":
		return
	case l.state.AskedBy != Root:
		m.View = MonitRootOnly
		return
	}
	found, interval, err := l.askMonit(ctx)
	if err != nil {
		m.View, m.Error = MonitNoAnswer, readable(err.Error())
		return
	}
	m.View, m.Services, m.IntervalSeconds = MonitSeen, len(found), interval
	l.eachService(func(_ blueprint.Service, s *Service) {
		// As the plan names a service's check.
		if seen, ok := found[strings.TrimSuffix(s.Name, ".service")]; ok {
			s.Monit = &seen
		}
	})
}

func (l *look) askMonit(ctx context.Context) (services map[string]MonitService, interval int, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.Users.Path(monitSocket))
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/_status?format=xml", http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	request.SetBasicAuth(monitName, monitName)
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("%s answers %s", monitSocket, response.Status)
	}
	return parseMonit(io.LimitReader(response.Body, maxMonit))
}

// monitEvents are the bits of a service's status (monit's src/event.h).
var monitEvents = map[uint64]string{
	0x1: "checksum", 0x2: "resource_limit", 0x4: "timeout", 0x8: "timestamp", 0x10: "size", 0x20: "connection", 0x40: "permission",
	0x80: "uid", 0x100: "gid", 0x200: "does_not_exist", 0x400: "invalid", 0x800: "data", 0x1000: "exec", 0x8000: "content",
	0x10000: "instance", 0x40000: "pid", 0x80000: "ppid", 0x200000: "status", 0x400000: "uptime",
}

// parseMonit reads monit's XML (src/http/xml.c): the services by their names,
// and the interval in seconds.
func parseMonit(r io.Reader) (services map[string]MonitService, interval int, err error) {
	dec := xml.NewDecoder(r)
	// It says ISO-8859-1 and copies what the control file has, byte by byte.
	dec.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return latin1{input}, nil }
	var doc struct {
		XMLName  xml.Name `xml:"monit"`
		Poll     int      `xml:"server>poll"`
		Services []struct {
			Name    string `xml:"name"`
			Status  uint64 `xml:"status"`
			Monitor int    `xml:"monitor"`
		} `xml:"service"`
	}
	if err := dec.Decode(&doc); err != nil {
		return nil, 0, fmt.Errorf("monit's status: %w", err)
	}
	services = map[string]MonitService{}
	for _, s := range doc.Services {
		seen := MonitService{Monitored: s.Monitor != 0}
		for bit := uint64(1); bit != 0; bit <<= 1 {
			if s.Status&bit == 0 {
				continue
			}
			event, known := monitEvents[bit]
			if !known {
				event = "other"
			}
			seen.Failed = append(seen.Failed, event)
		}
		services[s.Name] = seen
	}
	return services, doc.Poll, nil
}

// latin1 makes UTF-8 of ISO-8859-1.
type latin1 struct{ from io.Reader }

// Read gives up to twice as many bytes as it reads, so it reads half.
func (l latin1) Read(p []byte) (int, error) {
	if len(p) < 2 {
		return 0, errors.New("no room for one character")
	}
	raw := make([]byte, len(p)/2)
	n, err := l.from.Read(raw)
	out := p[:0]
	for _, b := range raw[:n] {
		out = append(out, string(rune(b))...)
	}
	return len(out), err
}
