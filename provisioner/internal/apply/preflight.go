package apply

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/account"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/apt"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/ruby"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/rubybuild"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

const (
	// oldestSystemd is Ubuntu 20.04's, the oldest on which user units, .path
	// units and Restart= on the hook were seen to work.
	oldestSystemd = 245

	mib = 1 << 20
	// filesNeed is for the host tool, the units and shadow's and dpkg's copies of their files, in bytes.
	filesNeed = 64 * mib
	// packagesNeed is for package lists, downloaded packages and what they hold, in bytes.
	packagesNeed = 600 * mib
	// buildNeed is for a Ruby's source, what the compiler makes of it, and the Ruby, in bytes.
	buildNeed = 1200 * mib
	// archiveGrows is how many times its compressed size a Ruby takes.
	archiveGrows = 5
)

// preflight finds every reason to fail that can be seen before the first change.
func (r *run) preflight(context.Context) error {
	missing, found := r.packageObstacles()
	found = append(found, systemdObstacle(r.Host)...)
	found = append(found, r.before.obstacle(r.Run, r.text)...)

	accounts, err := account.Load(r.Host)
	if err != nil {
		return err
	}
	found = append(found, account.Obstacles(r.Host, accounts, r.b.User)...)
	if r.b.Ruby != nil && r.b.Ruby.Build != nil {
		found = append(found, rubybuild.Obstacles(r.Host, *r.b.Ruby)...)
	} else if r.b.Ruby != nil && (r.b.Ruby.Method != blueprint.RubySystem || !slices.ContainsFunc(missing, isRuby)) {
		found = append(found, ruby.Obstacles(r.Host, *r.b.Ruby, r.Archive)...)
	}
	found = append(found, r.diskObstacles(len(missing) > 0)...)

	if r.byRoot, r.byUser, err = share(r.Host, r.b); err != nil {
		return problems(append(found, err.Error()))
	}
	found = append(found, r.system.Do(tree.Check, r.byRoot).Problems...)
	for _, e := range r.byRoot {
		if e.Owner == blueprint.DeployUser {
			found = append(found, strangersDir(r.Host, e.Path, r.b.User.UID)...)
		}
	}
	return problems(found)
}

// isRuby tells whether a package may bring or change /usr/bin/ruby.
func isRuby(name string) bool { return strings.HasPrefix(name, "ruby") }

func (r *run) packageObstacles() (missing, found []string) {
	if len(r.wanted) == 0 {
		return nil, nil
	}
	if obstacle := apt.Obstacle(r.Host); obstacle != "" {
		return nil, []string{obstacle}
	}
	missing, err := apt.Missing(r.Host, r.wanted)
	if err != nil {
		return nil, []string{err.Error()}
	}
	return missing, nil
}

func systemdObstacle(h host.Host) []string {
	const why = "the apps run under the deploy user's own systemd, which older ones and other init systems do not offer: bake onto Debian 11, Ubuntu 20.04 or newer"
	out, err := h.Run(host.Command{Args: []string{"systemctl", "--version"}})
	if err != nil || out.Code != 0 {
		return []string{"systemd is not installed on this host; " + why}
	}
	version, ok := systemdVersion(out.Stdout)
	if !ok {
		return []string{"`systemctl --version` names no version; " + why}
	}
	if version < oldestSystemd {
		return []string{fmt.Sprintf("systemd is %d on this host, older than %d; %s", version, oldestSystemd, why)}
	}
	return nil
}

// systemdVersion reads "systemd 252 (252.39-1~deb12u1)", or "systemd 257~rc2".
func systemdVersion(text string) (int, bool) {
	word, ok := strings.CutPrefix(text, "systemd ")
	if !ok {
		return 0, false
	}
	end := strings.IndexFunc(word, func(c rune) bool { return c < '0' || c > '9' })
	if end < 0 {
		end = len(word)
	}
	version, err := strconv.Atoi(word[:end])
	return version, err == nil
}

func (r *run) diskObstacles(packages bool) []string {
	need := uint64(filesNeed)
	if packages {
		need += packagesNeed
	}
	if r.b.Ruby != nil && r.b.Ruby.Build != nil && rubybuild.Missing(r.Host, *r.b.Ruby) {
		need += buildNeed
	}
	if info, err := os.Stat(r.Archive); r.Archive != "" && err == nil {
		need += uint64(info.Size()) * archiveGrows //nolint:gosec // no file has a negative size
	}
	places := map[string]uint64{"/": need, r.b.User.Home: filesNeed}
	var found []string
	for _, place := range []string{"/", r.b.User.Home} {
		if free, err := freeBytes(r.Host, place); err == nil && free < places[place] {
			found = append(found, fmt.Sprintf("disk full: %d MiB are free for %s, and %d MiB are needed, or the image would be left half-made: "+
				"give the source image a larger disk, or remove something earlier in the build", free/mib, place, places[place]/mib))
		}
	}
	return found
}

// freeBytes is what the file system of the path, or of its nearest existing parent, has left.
func freeBytes(h host.Host, file string) (uint64, error) {
	for ; ; file = path.Dir(file) {
		var st syscall.Statfs_t
		err := syscall.Statfs(h.Path(file), &st)
		if err == nil {
			return st.Bavail * uint64(st.Bsize), nil //nolint:gosec // nor has a block
		}
		if file == "/" {
			return 0, err
		}
	}
}

// strangersDir is about a directory that root would give to the deploy user
// although it is somebody else's.
func strangersDir(h host.Host, dir string, uid int) []string {
	info, err := os.Lstat(h.Path(dir))
	if err != nil {
		return nil
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() || int(st.Uid) == uid {
		return nil
	}
	return []string{fmt.Sprintf("%s belongs to uid %d on this host, and would be given to the deploy user: choose another place, or remove it earlier in the build", dir, st.Uid)}
}
