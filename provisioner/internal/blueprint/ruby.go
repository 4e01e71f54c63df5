package blueprint

// Ruby says which Rubies rbenv must list.
type Ruby struct {
	Method RubyMethod `json:"method"`
	// Version is the global one, a name below versions/, for example "3.3.6".
	Version string `json:"version"`
	// More are further versions, which are built like the first.
	More []string `json:"more,omitempty"`
	// Root is RBENV_ROOT.
	Root string `json:"root"`
	// SHA256 is the archive's checksum in hexadecimal; empty for other methods.
	SHA256 string `json:"sha256,omitempty"`
	// Writable gives the versions and the shims to the deploy user.
	Writable bool `json:"writable,omitempty"`
	// Rbenv is nil for the distribution's package.
	Rbenv *GitSource `json:"rbenv,omitempty"`
	// Build is nil for other methods than RubyBuilt.
	Build *RubyBuild `json:"build,omitempty"`
}

// RubyMethod is how a Ruby gets into the image.
type RubyMethod string

const (
	// RubyBuilt compiles it with ruby-build, or restores one that was compiled before.
	RubyBuilt RubyMethod = "build"
	// RubySystem makes the distribution's Ruby an rbenv version.
	RubySystem RubyMethod = "system"
	// RubyArchive unpacks a tar.gz that holds bin/ruby, at its top or one directory down.
	RubyArchive RubyMethod = "archive"
)

// RubyBuild is all that the outcome of a compilation depends on, as far as the
// build machine knows it.
type RubyBuild struct {
	// Source is where ruby-build comes from; nil for the distribution's package.
	Source *GitSource `json:"source,omitempty"`
	// Definition is the text of a definition file of the user's own.
	Definition string `json:"definition,omitempty"`
	// Tarball is where to get the source instead, and Mirror where to look for it first.
	Tarball string `json:"tarball,omitempty"`
	Mirror  string `json:"mirror,omitempty"`
	// Configure and Make are options without spaces.
	Configure []string `json:"configure,omitempty"`
	Make      []string `json:"make,omitempty"`
	CFlags    string   `json:"cflags,omitempty"`
	Jemalloc  bool     `json:"jemalloc,omitempty"`
	YJIT      bool     `json:"yjit,omitempty"`
	// Gems are "NAME:VERSION", bundler among them; GemSource is empty for rubygems.org.
	Gems      []string `json:"gems,omitempty"`
	GemSource string   `json:"gem_source,omitempty"`
	// Remove says that the packages which only the compiler needs do not stay.
	Remove bool `json:"remove,omitempty"`
}

// GitSource is one commit of a repository.
type GitSource struct {
	// URL is whatever git clones, a path on the host included.
	URL string `json:"url"`
	// Ref is a branch or a tag, which must lead to Commit.
	Ref    string `json:"ref"`
	Commit string `json:"commit"`
}

// Versions are all of them, the global one first.
func (r Ruby) Versions() []string { return append([]string{r.Version}, r.More...) }

// VersionDir is where rbenv looks for the global version.
func (r Ruby) VersionDir() string { return r.DirOf(r.Version) }

// DirOf is where rbenv looks for a version.
func (r Ruby) DirOf(version string) string { return r.Root + "/versions/" + version }
