package account

import (
	"fmt"
	"os"
	"slices"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Obstacles are the reasons for which want cannot be had on this host without
// taking something from somebody. A user of that name is adopted when it is
// the same user.
func Obstacles(h host.Host, d Database, want blueprint.User) []string {
	problems := slices.Concat(d.taken(want), d.adoptable(want), d.rootGroups(want.Groups, "would be"))
	for _, name := range want.Groups {
		if _, ok := d.group(name); !ok {
			problems = append(problems, fmt.Sprintf("user %s: the group %s does not exist on this host, so nobody can be in it: "+
				"create it earlier in the build, or take it out of user.groups", want.Name, name))
		}
	}
	if info, err := os.Stat(h.Path(want.Shell)); err != nil || info.Mode()&0o111 == 0 {
		problems = append(problems, fmt.Sprintf("user %s: the shell %s is no program on this host, so no ssh login and no deploy would work: "+
			"install it earlier in the build, or set user.shell to one that /etc/shells lists", want.Name, want.Shell))
	}
	return problems
}

func (d Database) taken(want blueprint.User) []string {
	var problems []string
	for _, u := range d.Users {
		if u.UID == want.UID && u.Name != want.Name {
			problems = append(problems, fmt.Sprintf("uid %d belongs to the user %s on this host; two names for one uid would share all their files: "+
				"set user.uid to a free number (the first-boot hook and the user manager's unit are named after it)", want.UID, u.Name))
		}
	}
	for _, g := range d.Groups {
		switch {
		case g.GID == want.GID && g.Name != want.Name:
			problems = append(problems, fmt.Sprintf("gid %d belongs to the group %s on this host, whose members could read what the hook writes for the apps: "+
				"set user.gid to a free number", want.GID, g.Name))
		case g.Name == want.Name && g.GID != want.GID:
			problems = append(problems, fmt.Sprintf("the group %s exists on this host with gid %d, not %d: set user.gid = %d, or choose another user.name",
				g.Name, g.GID, want.GID, g.GID))
		}
	}
	return problems
}

// adoptable compares an existing user. One with another uid, home or primary
// group owns files that would be lost to it.
func (d Database) adoptable(want blueprint.User) []string {
	have, ok := d.user(want.Name)
	if !ok {
		return nil
	}
	var problems []string
	if have.UID != want.UID {
		problems = append(problems, existing(want.Name, "uid", have.UID, want.UID))
	}
	if have.GID != want.GID {
		problems = append(problems, existing(want.Name, "gid", have.GID, want.GID))
	}
	if have.Home != want.Home {
		problems = append(problems, existing(want.Name, "home", have.Home, want.Home))
	}
	return append(problems, d.rootGroups(d.memberships(want.Name), "is")...)
}

func existing(name, field string, have, want any) string {
	return fmt.Sprintf("the user %s exists on this host with %s %v, not %v, and owns files by it: set user.%s = %#v, or choose another user.name",
		name, field, have, want, field, have)
}

func (d Database) rootGroups(names []string, verb string) []string {
	var problems []string
	for _, name := range names {
		g, found := d.group(name)
		if slices.Contains(blueprint.PrivilegedGroups(), name) || (found && g.GID == 0) {
			problems = append(problems, fmt.Sprintf("the deploy user %s in the group %s, which gives root's rights, "+
				"so that whoever breaks into one app owns the machine: take it out of that group", verb, name))
		}
	}
	return problems
}
