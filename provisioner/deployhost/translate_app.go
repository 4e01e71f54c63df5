package deployhost

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
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
	t.services(field, a, &out)
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
			t.secret(at, name, value)
		}
		out = append(out, blueprint.EnvVar{Name: name, Value: value})
	}
	return out
}
