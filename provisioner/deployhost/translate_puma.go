package deployhost

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/monit"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/problem"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

func (t *translator) puma(field string, p *Puma, a app.App) *app.Puma {
	address, port := t.listen(field, p)
	out := &app.Puma{
		Address:    address,
		Port:       port,
		UnixSocket: t.unixSocket(field+".unix_socket", p.UnixSocket, a),
		Workers:    2,
		MaxThreads: either(p.MaxThreads, 5),
		Preload:    p.PreloadApp,
		Version:    version(p.Version, app.PumaGem()),
		Notify:     t.notify(field, p.Version, p.Type, app.PumaGem()),
		Health:     t.health(field+".health", p.Health),
		Process:    t.process(field, "puma", &p.Process),
	}
	out.Health.Address, out.Health.Port = reachable(out.Address), out.Port
	if p.Workers != nil {
		out.Workers = *p.Workers
	}
	out.InPlace = t.reload(field, p, *out)
	out.MinThreads = either(p.MinThreads, out.MaxThreads)
	t.between(field+".workers", out.Workers, 0, 1024)
	t.between(field+".max_threads", out.MaxThreads, 1, 1024)
	t.between(field+".min_threads", out.MinThreads, 1, out.MaxThreads)
	out.Unit = t.unit(field, p.UnitName, fmt.Sprintf("%s_puma_%s", a.Name, a.Stage), a)
	if !p.SocketActivation.False() && out.Unit != "" {
		out.Socket = problem.Parse(&t.List, field+".unit_name", out.Unit.Prefix(), func(text string) (systemd.UnitName, error) {
			return systemd.ParseUnitName(text, "socket")
		})
	}
	return out
}

// reload tells whether a reload restarts puma in place. Where it has to, that
// must have been written: a reload without downtime is what people expect.
func (t *translator) reload(field string, p *Puma, out app.Puma) (inPlace bool) {
	why := ""
	switch {
	case out.Workers == 0:
		why = "workers = 0 leaves no workers that could be replaced one by one"
	case out.Preload:
		why = "preload_app = true loads the app once, before there are workers"
	}
	wanted := choice(t, field+".reload", p.Reload, "", "phased", "restart")
	if why != "" && wanted != "restart" && t.Known(p.Reload) {
		t.Addf(field+".reload", "has to be \"restart\" here: %s, so a reload restarts puma in place, and requests wait for as long as the app takes to start; write reload = \"restart\" if they may, or have workers and no preload_app", why)
	}
	return wanted == "restart"
}

// listen is where puma listens besides its unix socket; port 0 for nowhere.
func (t *translator) listen(field string, p *Puma) (address string, port int) {
	if p.UnixSocket == "" || p.Port != 0 {
		return t.address(field+".address", either(p.Address, "0.0.0.0")), t.port(field+".port", either(p.Port, 3000))
	}
	if p.Address != "" {
		t.Addf(field+".address", "has no meaning without a port: with unix_socket alone puma listens on nothing else; leave it out, or write port = 3000 as well")
	}
	if p.Health != nil && p.Health.Content != "" {
		t.Addf(field+".health.content", "cannot be checked on a unix socket: monit's syntax has no such test there, and one bad line stops monit for everything; leave it out, or write port = 3000 as well, which is then asked")
	}
	return "", 0
}

func (t *translator) unixSocket(field, text string, a app.App) app.RelativePath {
	out := optional(t, field, text, app.ParseUnixSocket)
	if out != "" && a.DeployTo != "" {
		t.Add(field, a.CheckUnixSocket(out))
	}
	return out
}

func (t *translator) health(field string, h *Health) blueprint.Health {
	if h == nil {
		h = &Health{}
	}
	out := blueprint.Health{Path: either(h.Path, "/"), Host: h.Host, Status: either(h.Status, 200), Content: h.Content}
	if t.Known(out.Path) && (!strings.HasPrefix(out.Path, "/") || strings.ContainsAny(out.Path, " #")) {
		t.Addf(field+".path", "%q is no path of a request: begin with \"/\" and write spaces as \"%%20\"; for example \"/up\"", out.Path)
	}
	problem.Parse(&t.List, field+".path", out.Path, monit.ParseText)
	problem.Parse(&t.List, field+".content", out.Content, monit.ParseText)
	if out.Host != "" {
		problem.Parse(&t.List, field+".host", out.Host, monit.ParseHost)
	}
	t.between(field+".status", out.Status, 100, 599)
	return out
}

func (t *translator) address(field, text string) string {
	if _, err := netip.ParseAddr(text); err != nil && t.Known(text) {
		t.Addf(field, "%q is no IP address: systemd binds the socket before any name can be looked up; write \"0.0.0.0\" for every interface, or \"127.0.0.1\" behind a web server", text)
	}
	return text
}

// reachable is where this host reaches a service that listens on address.
func reachable(address string) string {
	ip, err := netip.ParseAddr(address)
	switch {
	case err != nil || !ip.IsUnspecified():
		return address
	case ip.Is6():
		return "::1"
	default:
		return "127.0.0.1"
	}
}

func (t *translator) port(field string, port int) int {
	if port < 1024 || port > 65535 {
		t.Addf(field, "%d is not a port that the deploy user may listen on: the first 1023 are root's, and there is none above 65535; write for example 3000, behind a load balancer", port)
	}
	return port
}

func (t *translator) between(field string, n, low, high int) {
	if n < low || n > high {
		t.Addf(field, "%d is not between %d and %d", n, low, high)
	}
}
