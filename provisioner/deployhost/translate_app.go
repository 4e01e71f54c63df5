package deployhost

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/monit"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/problem"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/user"
)

func (t *translator) apps(apps []App, u user.User) []app.App {
	if len(apps) == 0 {
		t.Addf("app", "is missing: without an app there is nothing to deploy; write app { name = \"shop\" puma {} } on lines of their own")
	}
	var out []app.App
	for i := range apps {
		out = append(out, t.app(fmt.Sprintf("app[%d]", i), &apps[i], u))
	}
	return out
}

var defaultLinkedDirs = []string{"log", "tmp/pids", "tmp/cache", "tmp/sockets"}

func (t *translator) app(field string, a *App, u user.User) app.App {
	out := app.App{
		Name:        problem.Parse(&t.List, field+".name", a.Name, app.ParseName),
		Environment: problem.Parse(&t.List, field+".environment", either(a.Environment, "production"), app.ParseStage),
	}
	out.Stage = out.Environment
	if a.Stage != "" {
		out.Stage = problem.Parse(&t.List, field+".stage", a.Stage, app.ParseStage)
	}
	deployTo := either(a.DeployTo, fmt.Sprintf("%s/apps/%s", u.Home, a.Name))
	if a.DeployTo != "" || out.Name != "" && u.Home != "" { // else it was reported already
		out.DeployTo = problem.Parse(&t.List, field+".deploy_to", deployTo, systemd.ParseSafePath)
	}
	if strings.Count(string(out.DeployTo), "/") == 1 || string(out.DeployTo) == string(u.Home) && out.DeployTo != "" {
		t.Addf(field+".deploy_to", "%q is not a directory of the app's own: the deploy user will own it and Capistrano fills it; write for example \"/srv/shop\"", out.DeployTo)
	}
	out.Env = t.env(field+".env", a.Env)
	dirs := a.LinkedDirs
	if dirs == nil {
		dirs = defaultLinkedDirs
	}
	for i, dir := range dirs {
		at := fmt.Sprintf("%s.linked_dirs[%d]", field, i)
		out.LinkedDirs = append(out.LinkedDirs, problem.Parse(&t.List, at, dir, app.ParseRelativePath))
	}
	if a.Puma == nil {
		t.Addf(field+".puma", "is missing: at present puma is the only service that an app can have; write puma {}")
		return out
	}
	out.Puma = t.puma(field+".puma", a.Puma, out)
	return out
}

func (t *translator) env(field string, env map[string]string) []blueprint.EnvVar {
	var out []blueprint.EnvVar
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		at := fmt.Sprintf("%s[%q]", field, name)
		if t.Known(name) {
			t.Add(at, systemd.CheckEnvName(name))
		}
		if t.Known(value) {
			t.Add(at, systemd.CheckEnvValue(value))
			t.Add(at, app.CheckSecret(name, value))
		}
		out = append(out, blueprint.EnvVar{Name: name, Value: value})
	}
	return out
}

func (t *translator) puma(field string, p *Puma, a app.App) *app.Puma {
	out := &app.Puma{
		Address:    t.address(field+".address", either(p.Address, "0.0.0.0")),
		Port:       t.port(field+".port", either(p.Port, 3000)),
		Workers:    2,
		MaxThreads: either(p.MaxThreads, 5),
		Preload:    p.PreloadApp,
		Log:        choice(t, field+".log", p.Log, app.LogJournal, app.LogFile),
		Notify:     t.notify(field, p),
		Health:     t.health(field+".health", p.Health),
		Restart: app.Restart{
			Delay: t.duration(field+".restart_delay", p.RestartDelay, time.Second, 0, 10*time.Minute),
			Start: t.duration(field+".start_timeout", p.StartTimeout, time.Minute, time.Second, time.Hour),
			Stop:  t.duration(field+".stop_timeout", p.StopTimeout, 30*time.Second, time.Second, time.Hour),
		},
	}
	out.Health.Address, out.Health.Port = reachable(out.Address), out.Port
	if p.Workers != nil {
		out.Workers = *p.Workers
	}
	out.MinThreads = either(p.MinThreads, out.MaxThreads)
	t.between(field+".workers", out.Workers, 0, 1024)
	t.between(field+".max_threads", out.MaxThreads, 1, 1024)
	t.between(field+".min_threads", out.MinThreads, 1, out.MaxThreads)
	t.unitNames(field, p, a, out)
	return out
}

func (t *translator) unitNames(field string, p *Puma, a app.App, out *app.Puma) {
	prefix := either(p.UnitName, fmt.Sprintf("%s_puma_%s", a.Name, a.Stage))
	if p.UnitName == "" && (a.Name == "" || a.Stage == "") {
		return // reported already
	}
	if strings.HasSuffix(prefix, ".service") {
		t.Addf(field+".unit_name", "%q: leave \".service\" out, the socket is named after it too", prefix)
	}
	parse := func(suffix string) func(string) (systemd.UnitName, error) {
		return func(text string) (systemd.UnitName, error) { return systemd.ParseUnitName(text, suffix) }
	}
	out.Unit = problem.Parse(&t.List, field+".unit_name", prefix, parse("service"))
	if !p.SocketActivation.False() && out.Unit != "" {
		out.Socket = problem.Parse(&t.List, field+".unit_name", prefix, parse("socket"))
	}
}

func (t *translator) notify(field string, p *Puma) bool {
	kind := choice(t, field+".type", p.Type, "", "simple", "notify")
	if p.Version == "" || !t.Known(p.Version) {
		if kind == "notify" && p.Version == "" {
			t.Addf(field+".type", "\"notify\" needs to know that puma can tell systemd when it is ready, or every start would end in a time-out; write version = \"6.6\", or whichever Gemfile.lock has")
		}
		return kind == "notify"
	}
	version, err := app.ParsePumaVersion(p.Version)
	switch {
	case err != nil:
		t.Add(field+".version", err)
	case kind == "notify" && !version.NotifiesWithGem():
		t.Addf(field+".type", "\"notify\" does not work with puma %s, which never tells systemd that it is ready: systemd would kill it at every start; write \"simple\", or use puma 6.1 or later", p.Version)
	}
	return kind == "notify" || kind == "" && version.Notifies()
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

// distinct finds names and ports that two apps share.
func (t *translator) distinct(apps []app.App) {
	names, units, ports, dirs := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	claim := func(seen map[string]int, key string, i int, field, why string) {
		if key == "" || !t.Known(key) {
			return
		}
		if first, taken := seen[key]; taken {
			t.Addf(fmt.Sprintf("app[%d].%s", i, field), "%q is app[%d]'s already: %s; give each its own", key, first, why)
			return
		}
		seen[key] = i
	}
	for i, a := range apps {
		claim(names, string(a.Name), i, "name", "their units and directories would be the same")
		claim(dirs, string(a.DeployTo), i, "deploy_to", "one deploy would overwrite the other")
		if a.Puma != nil {
			claim(units, string(a.Puma.Unit), i, "puma.unit_name", "systemd and monit know a service by its name only")
			claim(ports, fmt.Sprint(a.Puma.Port), i, "puma.port", "the second one could not listen")
		}
	}
}
