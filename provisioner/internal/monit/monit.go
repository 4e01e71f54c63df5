// Package monit renders the checks that root's monit makes of a user's
// services. systemd owns crashes; monit owns what systemd cannot see: a
// service that hangs or answers wrongly, and one that systemd gave up on.
package monit

import (
	"cmp"
	"embed"
	"fmt"
	"math"
	"regexp"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

//go:embed templates
var templates embed.FS

var parsed = template.Must(template.New("").Funcs(template.FuncMap{"quote": quote, "literally": literally, "host": hostHeader}).
	Option("missingkey=error").ParseFS(templates, "templates/*"))

// Monit is the daemon's own configuration.
type Monit struct {
	// Interval between two rounds of checks.
	Interval time.Duration
}

// Check is one service that monit watches.
type Check struct {
	// Name is unique in all of monit: a duplicate is a parse error that stops it.
	Name string
	// Unit is the user unit that start, stop and restart act on; Socket, which
	// may be empty, holds its listening sockets.
	Unit, Socket string
	PidFile      string
	// Health is nil where only the process's existence can be checked.
	Health *blueprint.Health
	// Settle is how long systemd may need to bring the service back alone.
	Settle time.Duration
}

// Units are all that may have failed when the service is not there.
func (c Check) Units() string { return strings.TrimSpace(c.Unit + " " + c.Socket) }

// Grace is how long a new process is left alone, in seconds. Monit's rounds do
// not count here: once it has restarted a service, it does so at each failed
// check that follows (event.c, "Failed events are handled each time"), and
// would never let one come up that takes longer than this.
func (c Check) Grace() int {
	const systemctl = 5 * time.Second // is what the time-out is for besides
	return int(math.Ceil(max(systemctl, c.Settle).Seconds()))
}

// Text is a value between double quotes in monit's control file.
type Text string

// maxText keeps a check readable and below monit's line buffer.
const maxText = 512

// ParseText accepts what monit can hold: it knows no escape for a double
// quote and reads a control file line by line (monit(1), WHITESPACE AND SPECIAL CHARACTERS).
func ParseText(text string) (Text, error) {
	if !utf8.ValidString(text) || len(text) > maxText || strings.ContainsFunc(text, func(r rune) bool {
		return r == '"' || r == '\\' || unicode.IsControl(r)
	}) {
		return "", fmt.Errorf("%q cannot be written into monit's control file, where one bad line stops monit for everything: leave out double quotes, backslashes and control characters, and stay within %d bytes", text, maxText)
	}
	return Text(text), nil
}

var host = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)

// ParseHost accepts a Host header: a DNS name, with a port or without.
func ParseHost(text string) (Text, error) {
	if !host.MatchString(text) {
		return "", fmt.Errorf("%q is no host name: it becomes the request's Host header; write for example \"shop.example.com\"", text)
	}
	return Text(text), nil
}

// hostHeader is the request's; empty for monit's own. On a unix socket that
// would be "localhost:0".
func hostHeader(h blueprint.Health) string {
	if h.Socket != "" {
		return cmp.Or(h.Host, "localhost")
	}
	return h.Host
}

func quote(text string) string { return `"` + text + `"` }

// literally makes a POSIX extended regular expression that matches just text,
// for monit reads "content" as an expression. Brackets, because a backslash
// means something to the control file already.
func literally(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '^':
			out.WriteString("[[.^.]]") // "[^]" would be a negation
		case strings.ContainsRune(".[]*$+?(){}|", r):
			out.WriteString("[" + string(r) + "]")
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// Cycles is how many rounds in a row must fail before monit acts. It exceeds
// what systemd needs to repair the service alone, so that the two never work
// on the same thing at once.
func (m Monit) Cycles(settle time.Duration) int {
	return int(math.Ceil(float64(settle)/float64(m.Interval))) + 1
}

// Entries are the daemon's settings. They include only what the first-boot
// hook has linked: one unknown user would stop all of monit.
func (m Monit) Entries() ([]blueprint.Entry, error) {
	text, err := render("deployhost.conf", map[string]any{
		"Interval": int(m.Interval.Seconds()),
		"Include":  blueprint.RunMonitDir,
	})
	if err != nil {
		return nil, err
	}
	dropIn, err := render("monit.service", nil)
	if err != nil {
		return nil, err
	}
	return []blueprint.Entry{
		rootDir("/etc/monit", 0o755),
		rootDir("/etc/monit/conf.d", 0o755),
		rootFile("/etc/monit/conf.d/deployhost.conf", 0o600, text),
		rootDir(blueprint.MonitDir, 0o700),
		rootDir("/etc/systemd/system/monit.service.d", 0o755),
		rootFile("/etc/systemd/system/monit.service.d/50-deployhost.conf", 0o644, dropIn),
	}, nil
}

// Fragment is one app's checks.
func (m Monit) Fragment(app string, user blueprint.User, checks []Check) (blueprint.Entry, error) {
	text, err := render("app.conf", map[string]any{"App": app, "User": user, "Checks": checks, "Monit": m})
	return rootFile(blueprint.MonitDir+"/"+app+".conf", 0o600, text), err
}

func render(name string, data any) (string, error) {
	var out strings.Builder
	if err := parsed.ExecuteTemplate(&out, name, data); err != nil {
		return "", fmt.Errorf("render monit's %s: %w", name, err)
	}
	return out.String(), nil
}

func rootDir(path string, mode blueprint.Mode) blueprint.Entry {
	return blueprint.Entry{Path: path, Kind: blueprint.Dir, Owner: blueprint.Root, Mode: mode}
}

func rootFile(path string, mode blueprint.Mode, content string) blueprint.Entry {
	return blueprint.Entry{Path: path, Kind: blueprint.File, Owner: blueprint.Root, Mode: mode, Content: content}
}
