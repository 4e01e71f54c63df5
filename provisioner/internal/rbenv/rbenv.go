// Package rbenv puts Ruby under rbenv's system-wide convention, which
// capistrano-rbenv's `:system` type and others rely on.
package rbenv

import (
	"fmt"
	"regexp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Root is RBENV_ROOT by that convention.
const Root = "/usr/local/rbenv"

// Version is a name below versions/, for example "3.3.6" or "3.3.6-yjit".
type Version string

var version = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+[A-Za-z0-9._-]*$|^(jruby|truffleruby|mruby)[A-Za-z0-9.+_-]*$`)

// ParseVersion reads a Ruby version as ruby-build names it.
func ParseVersion(text string) (Version, error) {
	if !version.MatchString(text) {
		return "", fmt.Errorf("%q is no Ruby version: rbenv looks for it below versions/ and every unit names it; write all of it, for example \"3.3.6\"", text)
	}
	return Version(text), nil
}

var sha256 = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ParseSHA256 reads a checksum in hexadecimal.
func ParseSHA256(text string) (string, error) {
	if !sha256.MatchString(text) {
		return "", fmt.Errorf("%q is no SHA-256 checksum: without one a damaged or foreign archive would go into the image; write the 64 lower-case hexadecimal digits that `sha256sum` prints", text)
	}
	return text, nil
}

var release = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)

// ParseSystemVersion also accepts a version without its patch, such as "3.1":
// the distribution's security updates change the patch.
func ParseSystemVersion(text string) (Version, error) {
	if release.MatchString(text) {
		return Version(text), nil
	}
	return ParseVersion(text)
}

// Ruby is the Ruby that services run on, and others beside it. The zero value
// leaves the image's Ruby alone.
type Ruby struct {
	Method blueprint.RubyMethod
	// Version is the global one.
	Version Version
	More    []Version
	SHA256  string
	// Writable gives the versions to the deploy user.
	Writable bool
	// Rbenv is nil for the distribution's package.
	Rbenv *blueprint.GitSource
	// Build is nil for other methods than RubyBuilt.
	Build *blueprint.RubyBuild
}

// Managed tells whether rbenv is used at all.
func (r Ruby) Managed() bool { return r.Method != "" }

// Blueprint is nil for an unmanaged Ruby.
func (r Ruby) Blueprint() *blueprint.Ruby {
	if !r.Managed() {
		return nil
	}
	out := &blueprint.Ruby{
		Method: r.Method, Version: string(r.Version), Root: Root, SHA256: r.SHA256,
		Writable: r.Writable, Rbenv: r.Rbenv, Build: r.Build,
	}
	for _, version := range r.More {
		out.More = append(out.More, string(version))
	}
	return out
}

// Packages are the distribution's packages that the method needs. Those that
// compile Ruby have other names on other distributions, which the host knows.
func (r Ruby) Packages() []string {
	var names []string
	if r.Managed() {
		names = []string{"rbenv"}
	}
	if r.Rbenv != nil {
		names = []string{"ca-certificates", "git"}
	}
	if r.Method == blueprint.RubySystem {
		names = append(names, "ruby", "ruby-bundler")
	}
	return names
}

// Command goes before every Ruby command of a unit. Both replace themselves
// by the command (exec), so that systemd's main process is the service.
func (r Ruby) Command() []string {
	if !r.Managed() {
		return []string{"/usr/bin/env"}
	}
	return []string{Root + "/bin/rbenv", "exec"}
}

// Env is what rbenv needs to find the version with no profile read.
func (r Ruby) Env() []blueprint.EnvVar {
	if !r.Managed() {
		return nil
	}
	return []blueprint.EnvVar{
		{Name: "RBENV_ROOT", Value: Root},
		{Name: "RBENV_VERSION", Value: string(r.Version)},
	}
}
