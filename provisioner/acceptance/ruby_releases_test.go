//go:build acceptance && rubybuild && linux

package acceptance

import (
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// TestBuiltRubyOnOtherReleases builds a quick Ruby on stock machines, with the
// rbenv, the ruby-build and the compilers that each release has.
func TestBuiltRubyOnOtherReleases(t *testing.T) {
	for suite, build := range map[string]blueprint.RubyBuild{
		"bullseye": {Jemalloc: true},
		"trixie":   {Jemalloc: true, YJIT: true},
	} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			m := boot(t, testmachine.RootOptions{Name: "ruby-" + suite, Lower: []string{base(t, suite)}})
			m.root("mkdir", "/srv/trouble")
			// Nobody compares such a name with the version of the Ruby that it borrows.
			q := quickSource(t, "truffleruby-quick")
			mustBuild(t, rubyTemplate, m.Addr(), quickVars(t, m, q))
			m.root("deployhost", "verify")
			m.lists(q.version)
			packages, err := compilers(m.RootDir(), build)
			if err != nil {
				t.Fatal(err)
			}
			m.root(append([]string{"apt-get", "-qq", "--simulate", "install"}, packages...)...)
		})
	}
}
