package verify

import (
	"regexp"
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/asuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// probe loads what a Ruby that was built elsewhere may lack shared libraries
// for, tells all that fails, and names itself. fiddle became a gem in Ruby 3.5.
const probe = `
libraries = %w[openssl psych zlib]
libraries << "fiddle" if $LOAD_PATH.any? { |dir| File.exist?(File.join(dir, "fiddle.rb")) }
failed = libraries.reject do |library|
  require library
  true
rescue LoadError => e
  warn "#{library}: #{e.message}"
end
print RUBY_VERSION
exit failed.empty?
`

// mri is a version's name that starts with RUBY_VERSION.
var mri = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+`)

// ruby runs the version as a unit does: as the deploy user, with no profile read.
func (i *image) ruby(r blueprint.Ruby) {
	rbenv := r.Root + "/bin/rbenv"
	out, err := i.Do(host.Command{Args: []string{rbenv, "versions", "--bare"}, Env: []string{"RBENV_ROOT=" + r.Root}})
	if err != nil {
		i.report.problem("ruby: %v", err)
		return
	}
	if !slices.Contains(strings.Fields(out.Stdout), r.Version) {
		i.report.problem("ruby: rbenv in %s lists [%s], not %s", r.Root, strings.Join(strings.Fields(out.Stdout), " "), r.Version)
		return
	}
	c, err := asuser.Command(i.Host, i.b.User, rbenv, "exec", "ruby", "-e", probe)
	if err != nil {
		i.report.problem("ruby: %v", err)
		return
	}
	c.Env = append(c.Env, "RBENV_ROOT="+r.Root, "RBENV_VERSION="+r.Version)
	out, err = i.Run(c)
	switch {
	case err != nil:
		i.report.problem("ruby: %v", err)
	case out.Code != 0:
		i.report.problem("ruby: %s does not run for %s; an archive needs the packages of its shared libraries, add them to packages. Ruby says: %s",
			r.Version, i.b.User.Name, out.Tail())
	case mri.MatchString(r.Version) && mri.FindString(r.Version) != strings.TrimSpace(out.Stdout):
		i.report.problem("ruby: the version %s is really %s: set ruby.version to that, or bring the right archive", r.Version, strings.TrimSpace(out.Stdout))
	}
}
