//go:build acceptance && linux

package acceptance

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// refusal is a machine that cannot become what is asked for.
type refusal struct {
	name string
	// make makes the machine such a one.
	make   func(r chrootRoot)
	config string
	// onBaked takes the baked image instead of the stock one.
	onBaked bool
	// says are parts of the error: what is wrong, and what to do about it.
	says []string
}

var refusals = []refusal{
	{
		name:   "uid taken",
		make:   func(r chrootRoot) { r.run("useradd", "--uid", "2000", "clerk") },
		config: smallest,
		says:   []string{"uid 2000 belongs to the user clerk", "set user.uid to a free number"},
	},
	{
		name:   "user with another uid",
		make:   func(r chrootRoot) { r.run("useradd", "--uid", "1999", "deploy") },
		config: smallest,
		says:   []string{"the user deploy exists on this host with uid 1999", "set user.uid = 1999"},
	},
	{
		name: "user in the sudo group",
		make: func(r chrootRoot) {
			r.run("groupadd", "--gid", "2000", "deploy")
			r.run("useradd", "--uid", "2000", "--gid", "2000", "--groups", "sudo", "deploy")
		},
		config: smallest,
		says:   []string{"the deploy user is in the group sudo", "take it out of that group"},
	},
	{
		name: "group that does not exist",
		make: func(chrootRoot) {},
		config: smallest + `
user { groups = ["www"] }`,
		says: []string{"the group www does not exist on this host", "take it out of user.groups"},
	},
	{
		name:   "systemd 219",
		make:   func(r chrootRoot) { r.program("/usr/local/sbin/systemctl", `echo "systemd 219"`) },
		config: smallest,
		says:   []string{"systemd is 219 on this host", "bake onto Debian 11, Ubuntu 20.04 or newer"},
	},
	{
		name: "dnf",
		make: func(r chrootRoot) {
			r.run("rm", "/usr/bin/apt-get", "/usr/bin/dpkg-query")
			r.program("/usr/bin/dnf", "exit 0")
		},
		config: smallest,
		says:   []string{"package manager is dnf", "bake onto Debian or Ubuntu"},
	},
	{
		name: "two at once",
		make: func(r chrootRoot) {
			r.program("/usr/local/sbin/systemctl", `echo "systemd 219"`)
			r.run("useradd", "--uid", "2000", "clerk")
		},
		config: smallest,
		says:   []string{"systemd is 219 on this host", "uid 2000 belongs to the user clerk"},
	},
	{
		name:    "another Ruby than the distribution's",
		make:    func(chrootRoot) {},
		onBaked: true,
		config:  strings.Replace(smallest, `"3.1"`, `"3.3.6"`, 1),
		says:    []string{"not 3.3.6", `set ruby.version = "3.1.`},
	},
}

// TestRefusalsChangeNothing wants each refusal to come before the first change.
func TestRefusalsChangeNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lower := []string{shared.base}
			if tt.onBaked {
				lower = theBaked(t).lower
			}
			r := mountRoot(t, "refuses", lower)
			tt.make(r)
			r.refuses(tt.config, "run-1", tt.says)
		})
	}
}

// refuses wants an error that says all of it, on a machine that stays as it is.
func (r chrootRoot) refuses(config, run string, says []string) {
	r.t.Helper()
	before := r.image()
	_, err := r.provision(config, run)
	if err == nil {
		r.t.Fatal("it was applied")
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			r.t.Errorf("%q is not in the error:\n%v", part, err)
		}
	}
	if changed := before.changes(r.image()); len(changed) > 0 {
		r.t.Errorf("before it refused, it changed %q", changed)
	}
}

// image is all of the root that an image would keep.
func (r chrootRoot) image() tree {
	r.t.Helper()
	t, err := readTree(r.dir, append([]string{"/var/lib", "/boot", "/opt", "/srv"}, settled...))
	if err != nil {
		r.t.Fatal(err)
	}
	if len(t) < 1000 {
		r.t.Fatalf("only %d files were looked at", len(t))
	}
	return t
}

// TestFullDiskIsRefused has the machine's changes on a file system that is too small.
func TestFullDiskIsRefused(t *testing.T) {
	t.Parallel()
	r := mountRoot(t, "full", []string{shared.base})
	small := filepath.Join(filepath.Dir(r.dir), "small")
	mkdirs(t, small)
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=48M"); err != nil {
		t.Fatal(err)
	}
	full := chrootRoot{t: t, dir: small + "/root"}
	mkdirs(t, full.dir, small+"/upper", small+"/work")
	overlay := "lowerdir=" + shared.base + ",upperdir=" + small + "/upper,workdir=" + small + "/work"
	if err := unix.Mount("overlay", full.dir, "overlay", 0, overlay); err != nil {
		t.Fatal(err)
	}
	full.mountKernelFiles()
	full.refuses(smallest, "run-1", []string{"disk full", "MiB are needed", "give the source image a larger disk"})
}

func mkdirs(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSecondBlockOfABuildIsRefused since it would undo the first one's work.
// In another build the same is a change like any other.
func TestSecondBlockOfABuildIsRefused(t *testing.T) {
	t.Parallel()
	r := mountRoot(t, "twice", theBaked(t).lower)
	other := strings.Replace(smallest, `"shop"`, `"blog"`, 1)
	if said, err := r.provision(smallest, "run-1"); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	r.refuses(other, "run-1", []string{"another deployhost block", "merge both into one provisioner"})
	if said, err := r.provision(other, "run-2"); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, gone := range []string{"/etc/deployhost/monit/shop.conf", "/home/deploy/.config/systemd/user/shop.target"} {
		if _, err := os.Lstat(r.path(gone)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s of the app that was taken out is still there (%v)", gone, err)
		}
	}
}

func TestWindowsIsRefused(t *testing.T) {
	t.Parallel()
	// A communicator that is used in spite of it would be a nil pointer.
	_, err := provision(t, smallest, nil, map[string]any{"ConnType": "winrm"})
	if err == nil || !strings.Contains(err.Error(), "winrm") || !strings.Contains(err.Error(), `communicator = "ssh"`) {
		t.Errorf("got %v", err)
	}
}

// TestBuildUserWithoutSudoIsRefused goes the whole way, for sudo needs a login.
func TestBuildUserWithoutSudoIsRefused(t *testing.T) {
	t.Parallel()
	m := boot(t, testmachine.RootOptions{
		Name: "powerless", Lower: []string{shared.base},
		Files: map[string]string{"/etc/sudoers.d/90-packer": "# packer may do nothing.\n"},
	})
	before, err := readTree(m.RootDir(), settled)
	if err != nil {
		t.Fatal(err)
	}
	run, err := packerBuild(shared.ctx, "testdata/templates/bake", m.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if run.Err == nil {
		t.Fatal("the build succeeded")
	}
	for _, part := range []string{"not root", "passwordless sudo", "NOPASSWD"} {
		if !strings.Contains(run.Said, part) {
			t.Errorf("%q is not in what people read:\n%s", part, run.Said)
		}
	}
	after, err := readTree(m.RootDir(), settled)
	if err != nil {
		t.Fatal(err)
	}
	if changed := before.changes(after); len(changed) > 0 {
		t.Errorf("before it refused, it changed %q", changed)
	}
	m.nothingLeft()
}
