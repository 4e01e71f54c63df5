package bundle

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

var pathCharacters = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)

// CheckPath tells why p can be no folder or file on the host that we name in a
// command line. Only letters, digits and `_./-` get through every communicator
// unharmed: the chroot one lets the build machine's shell expand, lxc and lxd
// wrap in unescaped quotes.
func CheckPath(p string) error {
	switch {
	case !path.IsAbs(p):
		return fmt.Errorf("%q is not an absolute path: commands start in another directory with every communicator. Write it from the root, as in /var/tmp", p)
	case !pathCharacters.MatchString(p):
		return fmt.Errorf("%q holds a character that not every communicator passes on unharmed: use only letters, digits, and . _ / -", p)
	case path.Clean(p) != strings.TrimSuffix(p, "/") && p != "/":
		return fmt.Errorf("%q is not a clean path: write %s", p, path.Clean(p))
	}
	return nil
}
