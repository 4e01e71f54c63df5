//go:generate go tool packer-sdc mapstructure-to-hcl2 -type Ruby,GitSource
//go:generate go tool packer-sdc struct-markdown

package deployhost

// Ruby is installed at bake time, below `/usr/local/rbenv`: the convention
// that other tools rely on ([ruby.md](ruby.md)).
type Ruby struct {
	// How Ruby gets into the image. `build`, the default, compiles it with
	// ruby-build, or restores what was compiled before from the cache. `system`
	// makes the distribution's Ruby an rbenv version, so that everything that
	// expects rbenv works with it; `archive` unpacks one that was built
	// elsewhere for the same distribution; `none` leaves Ruby to other
	// provisioners.
	Method string `mapstructure:"method"`
	// RBENV_VERSION of every service, and rbenv's global version, for example
	// `3.3.6`. With `system` it must be the version that the distribution has,
	// and may leave the patch out (`3.1`), which security updates change. Not
	// used with `none`.
	Version string `mapstructure:"version"`
	// With `build`: more versions beside it, for apps that bring a
	// `.ruby-version` and for commands that set RBENV_VERSION.
	MoreVersions []string `mapstructure:"more_versions"`
	// rbenv from a git repository. Left out, it is the distribution's package.
	Rbenv *GitSource `mapstructure:"rbenv"`
	// With `build`: ruby-build from a git repository, which knows newer Rubies
	// than the distribution's package, the default.
	RubyBuild *GitSource `mapstructure:"ruby_build"`
	// With `build`: a definition file for `version`, on the machine that runs
	// Packer, for a Ruby that ruby-build does not know or a source of your own.
	Definition string `mapstructure:"definition"`
	// With `build`: the URL of the source tarball for `version`, in place of
	// the one in the definition; the checksum follows after `#`.
	// (RUBY_BUILD_TARBALL_OVERRIDE, which ruby-build knows since 2023.)
	Tarball string `mapstructure:"tarball"`
	// With `build`: a URL at which tarballs are found under their SHA-256
	// (RUBY_BUILD_MIRROR_URL).
	Mirror string `mapstructure:"mirror"`
	// With `build`: options for Ruby's configure, for example
	// `["--disable-install-doc"]`.
	ConfigureOptions []string `mapstructure:"configure_options"`
	// With `build`: options for make. Defaults to one job for each processor.
	MakeOptions []string `mapstructure:"make_options"`
	// With `build`: the compiler's flags (RUBY_CFLAGS), for example
	// `-O2 -march=x86-64-v2`, in place of Ruby's own.
	CFlags string `mapstructure:"cflags"`
	// With `build`: link Ruby against jemalloc.
	Jemalloc bool `mapstructure:"jemalloc"`
	// With `build`: compile YJIT in. `env = { RUBY_YJIT_ENABLE = "1" }` turns
	// it on; Rails 7.2 does so itself.
	YJIT bool `mapstructure:"yjit"`
	// With `build`: the version of bundler to install, as in `Gemfile.lock`.
	// Left out, it is the one that comes with Ruby.
	Bundler string `mapstructure:"bundler"`
	// With `build`: gems to install, each as `NAME:VERSION`. An app's own gems
	// belong in its bundle.
	Gems []string `mapstructure:"gems"`
	// With `build`: where `bundler` and `gems` come from, in place of
	// rubygems.org.
	GemSource string `mapstructure:"gem_source"`
	// With `build`: what becomes of the packages that Ruby is compiled with.
	// `keep`, the default, leaves them in the image, also when Ruby is
	// restored, so that deploys can compile gems; `remove` removes what the
	// build has brought, and a restore never installs them.
	BuildDependencies string `mapstructure:"build_dependencies"`
	// With `build`: give the versions to the deploy user, who can then install
	// gems into them. By default they are root's, and no deploy changes them.
	Writable bool `mapstructure:"writable"`
	// With `build`: a directory on the machine that runs Packer that keeps
	// what was compiled. Defaults to `packer-plugin-deployhost/ruby` in the
	// user's cache directory. A URL's archive is kept there, too.
	CacheDir string `mapstructure:"cache_dir"`
	// With `build`: `use`, the default; `refresh` to compile anew and replace
	// what the cache has; `off`.
	Cache string `mapstructure:"cache"`
	// With `archive`: a `.tar.gz` on the machine that runs Packer, or an
	// `http` or `https` URL of one, which holds `bin/ruby` at its top or one
	// directory down and was built for the prefix
	// `/usr/local/rbenv/versions/VERSION`.
	Archive string `mapstructure:"archive"`
	// With `archive`: the file's SHA-256, as `sha256sum` prints it.
	SHA256 string `mapstructure:"sha256"`
}

// GitSource is one commit of a repository, cloned by the host that is baked.
type GitSource struct {
	// What git clones: a URL, or a path on the host that is baked.
	URL string `mapstructure:"url" required:"true"`
	// A branch or a tag.
	Ref string `mapstructure:"ref" required:"true"`
	// The commit that the ref must lead to, 40 digits. Another one is refused.
	Commit string `mapstructure:"commit" required:"true"`
}
