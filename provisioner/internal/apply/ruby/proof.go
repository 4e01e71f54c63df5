package ruby

import (
	"fmt"
	"regexp"
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

// Prove runs a version as a unit does: as the deploy user, with no profile
// read. It tells what is wrong, or "". Within a room it sees what others do not.
func Prove(h host.Host, user blueprint.User, root, version string, room *host.Room) (string, error) {
	c, err := asuser.Command(h, user, root+"/bin/rbenv", "exec", "ruby", "-e", probe)
	if err != nil {
		return "", err
	}
	c.Env = append(c.Env, "RBENV_ROOT="+root, "RBENV_VERSION="+version)
	c.Room = room
	out, err := h.Run(c)
	switch have := strings.TrimSpace(out.Stdout); {
	case err != nil:
		return "", err
	case out.Code != 0:
		return fmt.Sprintf("%s does not run for %s; an archive needs the packages of its shared libraries, add them to packages. Ruby says: %s",
			version, user.Name, out.Tail()), nil
	case mri.MatchString(version) && mri.FindString(version) != have:
		return fmt.Sprintf("the version %s is really %s: set ruby.version to that, or bring the right archive or definition", version, have), nil
	}
	return "", nil
}
