// Package account makes the deploy user and its group, with the shadow
// package's tools, which need no running systemd, and tells how they differ
// from what they should be.
package account

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
)

// User is a line of passwd(5).
type User struct {
	Name, Home, Shell string
	UID, GID          int
}

// Group is a line of group(5).
type Group struct {
	Name    string
	GID     int
	Members []string
}

// Database is the image's own users and groups. Those of a directory service
// are none of the image's.
type Database struct {
	Users  []User
	Groups []Group
	// Passwords holds shadow(5)'s second field by name. Nil when there is no shadow file.
	Passwords map[string]string
}

// Load reads /etc/passwd, /etc/group and /etc/shadow, which takes root.
func Load(h host.Host) (Database, error) {
	var d Database
	passwd, err := os.ReadFile(h.Path("/etc/passwd"))
	if err != nil {
		return d, err
	}
	group, err := os.ReadFile(h.Path("/etc/group"))
	if err != nil {
		return d, err
	}
	shadow, err := os.ReadFile(h.Path("/etc/shadow"))
	if err == nil {
		d.Passwords = ParseShadow(string(shadow))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	d.Users, d.Groups = ParsePasswd(string(passwd)), ParseGroup(string(group))
	return d, nil
}

// ParsePasswd reads passwd(5). Lines that are none are left out, as the C library does.
func ParsePasswd(text string) []User {
	var users []User
	for fields := range records(text, 7) {
		uid, uidErr := parseID(fields[2])
		gid, gidErr := parseID(fields[3])
		if uidErr == nil && gidErr == nil {
			users = append(users, User{Name: fields[0], UID: uid, GID: gid, Home: fields[5], Shell: fields[6]})
		}
	}
	return users
}

// ParseGroup reads group(5), as ParsePasswd does passwd(5).
func ParseGroup(text string) []Group {
	var groups []Group
	for fields := range records(text, 4) {
		gid, err := parseID(fields[2])
		if err != nil {
			continue
		}
		g := Group{Name: fields[0], GID: gid}
		for member := range strings.SplitSeq(fields[3], ",") {
			if member != "" {
				g.Members = append(g.Members, member)
			}
		}
		groups = append(groups, g)
	}
	return groups
}

// ParseShadow reads the names and passwords of shadow(5).
func ParseShadow(text string) map[string]string {
	passwords := map[string]string{}
	for fields := range records(text, 9) {
		passwords[fields[0]] = fields[1]
	}
	return passwords
}

// records gives each line that has exactly n fields and a name of its own;
// "+" and "-" lines refer to NIS.
func records(text string, n int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.SplitSeq(text, "\n") {
			fields := strings.Split(line, ":")
			if len(fields) != n || fields[0] == "" || strings.ContainsAny(fields[0][:1], "#+-") {
				continue
			}
			if !yield(fields) {
				return
			}
		}
	}
}

func parseID(text string) (int, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	return int(id), err
}

func (d Database) user(name string) (User, bool) {
	i := slices.IndexFunc(d.Users, func(u User) bool { return u.Name == name })
	if i < 0 {
		return User{}, false
	}
	return d.Users[i], true
}

func (d Database) group(name string) (Group, bool) {
	i := slices.IndexFunc(d.Groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return Group{}, false
	}
	return d.Groups[i], true
}

// memberships are the supplementary groups that list a user, sorted.
func (d Database) memberships(name string) []string {
	var names []string
	for _, g := range d.Groups {
		if slices.Contains(g.Members, name) {
			names = append(names, g.Name)
		}
	}
	slices.Sort(names)
	return names
}

// GroupIDs are the numbers of groups that the image has.
func GroupIDs(h host.Host, names []string) ([]int, error) {
	if len(names) == 0 {
		return nil, nil
	}
	text, err := os.ReadFile(h.Path("/etc/group"))
	if err != nil {
		return nil, err
	}
	d := Database{Groups: ParseGroup(string(text))}
	ids := make([]int, 0, len(names))
	for _, name := range names {
		g, ok := d.group(name)
		if !ok {
			return nil, fmt.Errorf("group %s is not in /etc/group", name)
		}
		ids = append(ids, g.GID)
	}
	return ids, nil
}
