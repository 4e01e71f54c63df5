// Package capistrano writes the Ruby file that makes Capistrano and its gems
// fit an image. It is loaded by deploy.rb on the machine that deploys.
package capistrano

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rbenv"
)

//go:embed templates
var templates embed.FS

var file = template.Must(template.New("deployhost.rb").
	Funcs(template.FuncMap{"literal": Literal, "list": list}).
	Option("missingkey=error").ParseFS(templates, "templates/*"))

// Render is the file for one image. The same image gives the same bytes.
func Render(host app.Host, ruby rbenv.Ruby, apps []app.App) (string, error) {
	v := view{RuntimeDir: host.RuntimeDir(), RubyVersion: string(ruby.Version)}
	for _, a := range apps {
		v.Apps = append(v.Apps, settingsOf(a))
		v.Names = append(v.Names, string(a.Name))
	}
	var out strings.Builder
	if err := file.Execute(&out, v); err != nil {
		return "", fmt.Errorf("render deployhost.rb: %w", err)
	}
	return out.String(), nil
}

// view is all that the template sees. It has no place for the apps'
// environment on purpose: the file is for a repository.
type view struct {
	RuntimeDir string
	// RubyVersion is empty where rbenv is not used.
	RubyVersion string
	Names       []string
	Apps        []settings
}

// settings are one app's.
type settings struct {
	Name, DeployTo, Environment string
	LinkedDirs, LinkedFiles     []string
	Puma                        *puma
	Sidekiq                     *sidekiq
	// Services are the units of other services, without ".service".
	Services []string
}

type puma struct {
	// Unit is without ".service".
	Unit           string
	Socket, Phased bool
	// Wait is how long a deploy waits for health, as `deployhost wait` reads it.
	Wait string
}

// margin is what a first answer may take beyond the service's own time to start.
const margin = 30 * time.Second

func settingsOf(a app.App) settings {
	out := settings{
		Name:        string(a.Name),
		DeployTo:    string(a.DeployTo),
		Environment: string(a.Environment),
		LinkedDirs:  texts(a.LinkedDirs),
		LinkedFiles: texts(slices.Sorted(maps.Keys(a.RenderedFiles))),
		Sidekiq:     sidekiqOf(a.Sidekiqs),
	}
	for _, c := range a.Commands {
		out.Services = append(out.Services, c.Unit.Prefix())
	}
	if p := a.Puma; p != nil {
		out.Puma = &puma{
			Unit: p.Unit.Prefix(), Socket: p.Socket != "", Phased: p.Phased(),
			Wait: fmt.Sprintf("%ds", app.Seconds(p.Restart.Start+margin)),
		}
	}
	return out
}

func texts[T ~string](from []T) []string {
	out := make([]string, 0, len(from))
	for _, text := range from {
		out = append(out, string(text))
	}
	return out
}
