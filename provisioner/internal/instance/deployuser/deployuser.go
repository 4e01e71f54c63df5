// Package deployuser knows the deploy user on a running host: whether it is
// the one that was baked, and how to speak to its own systemd manager.
package deployuser

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// searchPath is the PATH of what runs as the user.
const searchPath = "/usr/local/bin:/usr/bin:/bin"

// Host is the machine, as far as users go.
type Host struct {
	// Root is the directory that counts as "/".
	Root string
	// EUID is the caller's effective user id.
	EUID int
	// HomeOwner gives the uid that owns a path.
	HomeOwner func(path string) (uid int, err error)
	// Run runs a program to its end.
	Run Runner
}

// Here is the machine that this process runs on.
func Here() Host {
	return Host{Root: "/", EUID: os.Geteuid(), HomeOwner: owner, Run: run}
}

// Path gives where an absolute path lies below Root.
func (h Host) Path(absolute string) string { return filepath.Join(h.Root, absolute) }

func owner(path string) (int, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.New("the file system tells no owner")
	}
	if !info.IsDir() {
		return 0, fmt.Errorf("%s is no directory", path)
	}
	return int(stat.Uid), nil
}

// Check is Mismatch with what it means and what to do.
func (h Host) Check(baked blueprint.User) error {
	if err := h.Mismatch(baked); err != nil {
		return fmt.Errorf("%w; what was baked belongs to that user, so nothing of the instance's was written and monit was left alone:"+
			" %s", err, MismatchRemedy)
	}
	return nil
}

// MismatchRemedy is what to do about a user who is not the one baked.
const MismatchRemedy = "take the user out of user-data (users:) and whatever else changes /etc/passwd at boot, and boot a fresh instance"

// Mismatch tells in which respect the host's user is not the one baked; nil
// when it is. User-data that declares users is the usual cause.
func (h Host) Mismatch(baked blueprint.User) error {
	found, err := h.lookup(baked.Name)
	if err != nil {
		return fmt.Errorf("deploy user: %w", err)
	}
	if found.UID != baked.UID || found.GID != baked.GID || found.Home != baked.Home {
		return fmt.Errorf("deploy user: /etc/passwd has %s with uid %d, gid %d and home %s, but the image was baked with uid %d, "+
			"gid %d and home %s",
			baked.Name, found.UID, found.GID, found.Home, baked.UID, baked.GID, baked.Home)
	}
	uid, err := h.HomeOwner(h.Path(baked.Home))
	if err != nil {
		return fmt.Errorf("deploy user: its home %s: %w", baked.Home, err)
	}
	if uid != baked.UID {
		return fmt.Errorf("deploy user: its home %s belongs to uid %d instead of %d", baked.Home, uid, baked.UID)
	}
	return nil
}

// lookup reads passwd(5) itself: the baked user is a local one, and asking NSS
// could mean waiting for a network.
func (h Host) lookup(name string) (blueprint.User, error) {
	file, err := os.Open(h.Path("/etc/passwd"))
	if err != nil {
		return blueprint.User{}, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) != 7 || fields[0] != name {
			continue
		}
		uid, uidErr := strconv.Atoi(fields[2])
		gid, gidErr := strconv.Atoi(fields[3])
		if err := errors.Join(uidErr, gidErr); err != nil {
			return blueprint.User{}, fmt.Errorf("/etc/passwd has no number where %s's ids are: %w", name, err)
		}
		return blueprint.User{Name: name, UID: uid, GID: gid, Home: fields[5], Shell: fields[6]}, nil
	}
	return blueprint.User{}, fmt.Errorf("/etc/passwd has no %s", name)
}

// Groups gives the ids of the groups that list the user, and of its own.
func (h Host) Groups(user blueprint.User) ([]int, error) {
	data, err := os.ReadFile(h.Path("/etc/group"))
	if err != nil {
		return nil, err
	}
	ids := []int{user.GID}
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(fields) != 4 || !slices.Contains(strings.Split(fields[3], ","), user.Name) {
			continue
		}
		if id, err := strconv.Atoi(fields[2]); err == nil && id != user.GID {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// ManagerRunning tells whether the user's systemd manager can be spoken to.
func (h Host) ManagerRunning(user blueprint.User) bool {
	for _, socket := range []string{"/systemd/private", "/bus"} {
		if _, err := os.Stat(h.Path(RuntimeDir(user) + socket)); err == nil {
			return true
		}
	}
	return false
}

// RuntimeDir is the user's XDG_RUNTIME_DIR.
func RuntimeDir(user blueprint.User) string { return "/run/user/" + strconv.Itoa(user.UID) }

// Systemctl runs `systemctl --user` with the user's own rights and gives its
// output, which is in English and has times in UTC. The caller must be root
// or that user.
func (h Host) Systemctl(ctx context.Context, user blueprint.User, args ...string) (string, error) {
	return h.Run(ctx, h.Command(user, append([]string{"systemctl", "--user"}, args...)...))
}

// Command runs with the user's rights, in an environment that finds the user's manager.
func (h Host) Command(user blueprint.User, args ...string) Command {
	cmd := Command{Args: args, Env: []string{
		"XDG_RUNTIME_DIR=" + RuntimeDir(user), "HOME=" + user.Home, "USER=" + user.Name, "LOGNAME=" + user.Name,
		"PATH=" + searchPath, "LC_ALL=C", "TZ=UTC",
	}}
	if h.EUID != user.UID {
		cmd.As = &user
	}
	return cmd
}
