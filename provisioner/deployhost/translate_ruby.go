package deployhost

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/problem"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rbenv"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubycache"
)

func (t *translator) ruby(r *Ruby) rbenv.Ruby {
	if r == nil {
		return rbenv.Ruby{}
	}
	const none = "none"
	method := choice(t, "ruby.method", r.Method, string(blueprint.RubyBuilt), string(blueprint.RubySystem), string(blueprint.RubyArchive), none)
	t.unused(r, method)
	if method == none {
		return rbenv.Ruby{}
	}
	out := rbenv.Ruby{Method: blueprint.RubyMethod(method), Rbenv: t.gitSource("ruby.rbenv", r.Rbenv)}
	parse := rbenv.ParseVersion
	switch out.Method {
	case blueprint.RubySystem:
		parse = rbenv.ParseSystemVersion
	case blueprint.RubyArchive:
		t.archive(r, &out)
	case blueprint.RubyBuilt:
		t.build(r, &out)
	}
	out.Version = problem.Parse(&t.List, "ruby.version", r.Version, parse)
	for i, version := range out.More {
		if version != "" && (version == out.Version || slices.Contains(out.More[:i], version)) {
			t.Addf(fmt.Sprintf("ruby.more_versions[%d]", i), "names %s a second time: name each version once", version)
		}
	}
	return out
}

// unused reports attributes that the method has no use for: somebody expects
// something of them.
func (t *translator) unused(r *Ruby, method string) {
	const build, archive = string(blueprint.RubyBuilt), string(blueprint.RubyArchive)
	for _, a := range []struct {
		name string
		set  bool
		of   string
	}{
		{"version", r.Version != "", build + " system " + archive},
		{"rbenv", r.Rbenv != nil, build + " system " + archive},
		{"more_versions", len(r.MoreVersions) > 0, build},
		{"ruby_build", r.RubyBuild != nil, build},
		{"definition", r.Definition != "", build},
		{"tarball", r.Tarball != "", build},
		{"mirror", r.Mirror != "", build},
		{"configure_options", len(r.ConfigureOptions) > 0, build},
		{"make_options", len(r.MakeOptions) > 0, build},
		{"cflags", r.CFlags != "", build},
		{"jemalloc", r.Jemalloc, build},
		{"yjit", r.YJIT, build},
		{"bundler", r.Bundler != "", build},
		{"gems", len(r.Gems) > 0, build},
		{"gem_source", r.GemSource != "", build},
		{"build_dependencies", r.BuildDependencies != "", build},
		{"writable", r.Writable, build},
		{"cache", r.Cache != "", build},
		{"cache_dir", r.CacheDir != "", build + " " + archive},
		{"archive", r.Archive != "", archive},
		{"sha256", r.SHA256 != "", archive},
	} {
		if a.set && !slices.Contains(strings.Fields(a.of), method) {
			t.Addf("ruby."+a.name, "has no meaning with method = %q: remove it, or write method = %q", method, strings.Fields(a.of)[0])
		}
	}
}

func (t *translator) build(r *Ruby, out *rbenv.Ruby) {
	b := &blueprint.RubyBuild{Source: t.gitSource("ruby.ruby_build", r.RubyBuild), Jemalloc: r.Jemalloc, YJIT: r.YJIT}
	out.Build, out.Writable = b, r.Writable
	out.More = words(t, "ruby.more_versions", r.MoreVersions, rbenv.ParseVersion)
	if r.Definition != "" {
		b.Definition, _ = t.read("ruby.definition", r.Definition)
	}
	b.Tarball = optional(t, "ruby.tarball", r.Tarball, rbenv.ParseTarball)
	b.Mirror = optional(t, "ruby.mirror", r.Mirror, rbenv.ParseURL)
	b.GemSource = optional(t, "ruby.gem_source", r.GemSource, rbenv.ParseURL)
	b.CFlags = optional(t, "ruby.cflags", r.CFlags, rbenv.ParseFlags)
	b.Configure = words(t, "ruby.configure_options", r.ConfigureOptions, rbenv.ParseOption)
	b.Make = words(t, "ruby.make_options", r.MakeOptions, rbenv.ParseOption)
	b.Gems = words(t, "ruby.gems", r.Gems, rbenv.ParseGem)
	if r.Bundler != "" {
		b.Gems = append([]string{problem.Parse(&t.List, "ruby.bundler", r.Bundler, rbenv.ParseBundler)}, b.Gems...)
	}
	b.Remove = choice(t, "ruby.build_dependencies", r.BuildDependencies, "keep", "remove") == "remove"
}

func (t *translator) gitSource(field string, g *GitSource) *blueprint.GitSource {
	if g == nil {
		return nil
	}
	return &blueprint.GitSource{
		URL:    problem.Parse(&t.List, field+".url", g.URL, rbenv.ParseGitURL),
		Ref:    problem.Parse(&t.List, field+".ref", g.Ref, rbenv.ParseRef),
		Commit: problem.Parse(&t.List, field+".commit", g.Commit, rbenv.ParseCommit),
	}
}

// words parses each element of a list.
func words[T any](t *translator, field string, texts []string, parse func(string) (T, error)) []T {
	var out []T
	for i, text := range texts {
		out = append(out, problem.Parse(&t.List, fmt.Sprintf("%s[%d]", field, i), text, parse))
	}
	return out
}

func (t *translator) archive(r *Ruby, out *rbenv.Ruby) {
	out.SHA256 = problem.Parse(&t.List, "ruby.sha256", r.SHA256, rbenv.ParseSHA256)
	if r.Archive == "" {
		t.Addf("ruby.archive", "is missing: name the .tar.gz with the Ruby that was built elsewhere, or its URL")
		return
	}
	if !t.Known(r.Archive) || isURL(r.Archive) {
		return
	}
	if info, err := os.Stat(r.Archive); err != nil {
		t.Addf("ruby.archive", "%w: paths are relative to the directory in which packer is started", err)
	} else if !info.Mode().IsRegular() {
		t.Addf("ruby.archive", "%q is no file: name a .tar.gz", r.Archive)
	}
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

// rubyCache is off where nothing is built and nothing is downloaded.
func (t *translator) rubyCache(r *Ruby) rubycache.Cache {
	if r == nil || (either(r.Method, string(blueprint.RubyBuilt)) != string(blueprint.RubyBuilt) && !isURL(r.Archive)) {
		return rubycache.Cache{}
	}
	mode := choice(t, "ruby.cache", r.Cache, "use", "refresh", "off")
	if mode == "off" {
		return rubycache.Cache{}
	}
	dir := r.CacheDir
	if dir == "" {
		var err error
		if dir, err = rubycache.DefaultDir(); err != nil {
			t.Add("ruby.cache_dir", err)
		}
	}
	return rubycache.Cache{Dir: dir, Refresh: mode == "refresh"}
}
