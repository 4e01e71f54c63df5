package deployhost

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/plan"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/problem"
)

// instance fills in the hook's rules, and what each app has to know of them.
func (t *translator) instance(c *Instance, h *plan.Host) {
	if c == nil {
		c = &Instance{}
	}
	h.Rules = instance.Rules{
		Format:         instance.Format,
		Cloud:          choice(t, "instance.cloud", c.Cloud, instance.Clouds()...),
		TimeoutSeconds: app.Seconds(t.duration("instance.timeout", c.Timeout, 15*time.Second, time.Second, instance.MaxTimeoutSeconds*time.Second)),
	}
	for i, v := range c.Values {
		if t.Known(v.Name) {
			t.Add(fmt.Sprintf("instance.value[%d].name", i), app.CheckInstanceName(v.Name, v.UnsafeName))
		}
		if v.Default != nil && t.Known(*v.Default) {
			t.secret(fmt.Sprintf("instance.value[%d].default", i), v.Name, *v.Default)
		}
		h.Rules.Values = append(h.Rules.Values, instance.Value{
			Name: v.Name, From: v.From, Default: v.Default, Pattern: v.Pattern,
			Required: v.Required, Sensitive: v.Sensitive, Network: v.Network, Apps: v.Apps,
		})
	}
	for i, f := range c.Files {
		h.Rules.Files = append(h.Rules.Files, t.file(fmt.Sprintf("instance.file[%d]", i), f, h.Apps))
	}
	t.checkRules(h.Rules, h.Apps)
	for i := range h.Apps {
		wire(&h.Apps[i], &h.Rules)
	}
}

func (t *translator) file(field string, f InstanceFile, apps []app.App) instance.File {
	out := instance.File{
		App:  f.App,
		Path: string(problem.Parse(&t.List, field+".path", f.Path, app.ParseRelativePath)),
	}
	if out.App == "" && len(apps) == 1 {
		out.App = string(apps[0].Name)
	} else if out.App == "" {
		t.Addf(field+".app", "is missing: with several apps it decides whose shared/ directory gets the link; write one app's name")
	}
	if f.Template == "" {
		t.Addf(field+".template", "is missing: name a file with ${NAME} where values go")
	} else if text, ok := t.read(field+".template", f.Template); ok {
		out.Template = text
	}
	return out
}

// checkRules lets the rules judge themselves, as the hook will at every boot.
// It leaves out what was reported already and what is not known yet.
func (t *translator) checkRules(rules instance.Rules, apps []app.App) {
	rules.User = blueprint.User{Name: "deploy", UID: 2000, GID: 2000, Home: "/home/deploy"}
	for _, a := range apps {
		if a.Name == "" {
			// Reported already; who gets what cannot be judged without it.
			rules.Files, rules.Values = nil, forEveryApp(rules.Values)
			a.Name = "unnamed"
		}
		named := instance.AppRules{Name: string(a.Name)}
		if !slices.ContainsFunc(rules.Apps, func(other instance.AppRules) bool { return other.Name == named.Name }) {
			rules.Apps = append(rules.Apps, named)
		}
	}
	for _, v := range rules.Values {
		if !t.Known(v.Name+v.From+v.Pattern+strings.Join(v.Apps, "")) || v.Default != nil && !t.Known(*v.Default) {
			return
		}
	}
	rules.Files = slices.DeleteFunc(slices.Clone(rules.Files), func(f instance.File) bool {
		return f.Path == "" || f.App == "" || f.Template == "" || !t.Known(f.App)
	})
	t.AddAll(rules.Validate())
}

func forEveryApp(values []instance.Value) []instance.Value {
	values = slices.Clone(values)
	for i := range values {
		values[i].Apps = nil
	}
	return values
}

// wire tells an app which of the hook's outputs are its own.
func wire(a *app.App, rules *instance.Rules) {
	if len(rules.ValuesFor(string(a.Name))) > 0 {
		a.EnvFile = instance.EnvFile(string(a.Name))
	}
	for _, f := range rules.Files {
		if f.App != string(a.Name) {
			continue
		}
		if a.RenderedFiles == nil {
			a.RenderedFiles = map[app.RelativePath]string{}
		}
		a.RenderedFiles[app.RelativePath(f.Path)] = f.RenderedPath()
	}
}
