package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// noPassword lets nobody in with a password and everybody with a key. A "!"
// would lock the account: sshd without PAM refuses keys then, too (sshd(8)).
const noPassword = "*"

// Ensure makes want of the host's user and group, where Obstacles sees none.
// changed is told what was changed. The home directory is not made here.
func Ensure(h host.Host, want blueprint.User, changed func(what string)) error {
	d, err := Load(h)
	if err != nil {
		return err
	}
	if _, ok := d.group(want.Name); !ok {
		if err := do(h, "groupadd", "--gid", strconv.Itoa(want.GID), want.Name); err != nil {
			return err
		}
		changed("group " + want.Name)
	}
	have, ok := d.user(want.Name)
	if !ok {
		if err := do(h, "useradd", "--uid", strconv.Itoa(want.UID), "--gid", strconv.Itoa(want.GID),
			"--home-dir", want.Home, "--no-create-home", "--shell", want.Shell, "--password", noPassword,
			"--groups", strings.Join(want.Groups, ","), want.Name); err != nil {
			return err
		}
		changed("user " + want.Name)
		return nil
	}
	return d.adopt(h, have, want, changed)
}

func (d Database) adopt(h host.Host, have User, want blueprint.User, changed func(what string)) error {
	password, ok := d.Passwords[want.Name]
	if d.Passwords != nil && !ok {
		// useradd was killed between its two files.
		if err := do(h, "pwconv"); err != nil {
			return err
		}
	}
	var args []string
	if d.Passwords != nil && (!ok || unusable(password)) {
		args = append(args, "--password", noPassword)
	}
	if have.Shell != want.Shell {
		args = append(args, "--shell", want.Shell)
	}
	if !slices.Equal(d.memberships(want.Name), want.Groups) {
		args = append(args, "--groups", strings.Join(want.Groups, ","))
	}
	if args == nil {
		return nil
	}
	if err := do(h, append(append([]string{"usermod"}, args...), want.Name)...); err != nil {
		return err
	}
	changed("user " + want.Name)
	return nil
}

// unusable is a locked or an empty password: one keeps keys out, the other lets anybody in.
func unusable(password string) bool {
	return password == "" || strings.HasPrefix(password, "!")
}

// Differences is what is not as want says, for a host where Ensure ran.
func Differences(d Database, want blueprint.User) []string {
	have, ok := d.user(want.Name)
	if !ok {
		return []string{"the user " + want.Name + " is missing"}
	}
	problems := slices.Concat(d.taken(want), d.adoptable(want))
	if have.Shell != want.Shell {
		problems = append(problems, "the user "+want.Name+" has the shell "+have.Shell+", not "+want.Shell)
	}
	if groups := d.memberships(want.Name); !slices.Equal(groups, want.Groups) {
		problems = append(problems, fmt.Sprintf("the user %s is in the groups %v, not %v", want.Name, groups, want.Groups))
	}
	if password, ok := d.Passwords[want.Name]; d.Passwords != nil && (!ok || unusable(password)) {
		problems = append(problems, "the user "+want.Name+" has a locked or an empty password field in /etc/shadow: "+
			"sshd would refuse its keys, or let anybody in; `usermod --password '*' "+want.Name+"` is right")
	}
	return problems
}

func do(h host.Host, args ...string) error {
	_, err := h.Do(host.Command{Args: args})
	return err
}
