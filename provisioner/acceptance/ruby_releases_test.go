//go:build acceptance && rubybuild && linux

package acceptance

import (
	"strings"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// TestBuiltRubyOnOtherReleases builds a quick Ruby on stock machines, with the
// rbenv, the ruby-build and the compilers that each release has.
func TestBuiltRubyOnOtherReleases(t *testing.T) {
	t.Parallel()
	for suite, release := range map[string]struct {
		build blueprint.RubyBuild
		// override is for a ruby-build that knows ruby.tarball.
		override bool
	}{
		"bullseye": {build: blueprint.RubyBuild{Jemalloc: true}},
		"trixie":   {build: blueprint.RubyBuild{Jemalloc: true, YJIT: true}, override: true},
	} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			m := boot(t, testmachine.RootOptions{Name: "ruby-" + suite, Lower: []string{base(t, suite)}})
			m.root("mkdir", "/srv/trouble")
			// Nobody compares such a name with the version of the Ruby that it borrows.
			q := quickSource(t, "truffleruby-quick")
			vars := quickVars(t, m, q)
			if release.override {
				vars["tarball"] = vars["mirror"] + "/" + q.sum + "#" + q.sum
				vars["mirror"] = ""
				vars["definition"] = definition(t, "ruby-9.9.9", strings.Repeat("0", 64), "standard")
			}
			mustBuild(t, rubyTemplate, m.Addr(), vars)
			m.root("deployhost", "verify")
			m.lists(q.version)
			packages, err := compilers(m.RootDir(), release.build)
			if err != nil {
				t.Fatal(err)
			}
			m.root(append([]string{"apt-get", "-qq", "--simulate", "install"}, packages...)...)
		})
	}
}
