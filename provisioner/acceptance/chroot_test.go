//go:build acceptance && linux

package acceptance

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestChrootBakesTheSameImage bakes without ssh and without a running systemd.
func TestChrootBakesTheSameImage(t *testing.T) {
	t.Parallel()
	r := mountRoot(t, "chroot", []string{shared.base})
	resolvers, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.path("/etc/resolv.conf"), resolvers, 0o644); err != nil {
		t.Fatal(err)
	}
	config := bakeConfig(t)
	if said, err := r.provision(config, "run-1"); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	r.run("deployhost", "verify")

	before := r.image()
	if said, err := r.provision(config, "run-2"); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	changed := before.changes(r.image())
	changed = without(changed, "/var/lib/deployhost", "/var/lib/deployhost/build.json") // about runs
	if len(changed) > 0 {
		t.Errorf("the second run changed %q", changed)
	}
	overSSH := mountRoot(t, "ssh", theBaked(t).lower)
	if diff := cmp.Diff(overSSH.listing(), r.listing()); diff != "" {
		t.Errorf("the same configuration, baked (-over ssh +in a chroot):\n%s", diff)
	}
	if kept := r.run("find", "/run", "/var/lib/monit", "/root", "-regextype", "posix-extended", "-regex", `.*/(monit/|\.?monit\.)(id|state)`); kept != "" {
		t.Errorf("monit was tested, and has left who and where it was:\n%s", kept)
	}
	if left := r.run(findLeftovers...); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

// bakeConfig is the body of bake.pkr.hcl's provisioner, its variables filled in.
func bakeConfig(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/templates/bake/bake.pkr.hcl")
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(string(text), `provisioner "deployhost" {`)
	body, _, closed := strings.Cut(body, "\n  }\n}\n")
	if !found || !closed {
		t.Fatal("bake.pkr.hcl is laid out in another way now")
	}
	return strings.NewReplacer(
		"var.deploy_public_key", `"`+strings.TrimSpace(shared.key.Authorized)+`"`,
		"${path.root}", "testdata/templates/bake",
	).Replace(body)
}

// listing is everything that a bake makes, with owners, modes, targets and
// checksums. Its names are those of the paths that the blueprint describes.
func (r chrootRoot) listing() []string {
	r.t.Helper()
	const list = `find /etc/deployhost /etc/systemd/system /etc/monit/conf.d /etc/profile.d/deployhost.sh \
	/home/deploy /usr/local /var/lib/systemd/linger -printf "%M %u:%g %p -> %l\n" | sort
find /etc/deployhost /home/deploy /usr/local/lib/deployhost /usr/local/rbenv -type f -exec sha256sum {} + | sort -k 2
getent passwd deploy; getent group deploy; getent shadow deploy | cut -d : -f 1-2`
	return strings.Split(r.run("sh", "-c", list), "\n")
}

func without(list []string, names ...string) []string {
	var rest []string
	for _, item := range list {
		if !strings.Contains("\n"+strings.Join(names, "\n")+"\n", "\n"+item+"\n") {
			rest = append(rest, item)
		}
	}
	return rest
}
