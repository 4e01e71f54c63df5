// Package user describes the deploy user: who it is, how it logs in, and that
// its user manager lingers. It never gets any right beyond its own.
package user

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// User is the one deploy user of an image.
type User struct {
	Name     Name
	UID, GID int
	Home     systemd.SafePath
	Shell    systemd.SafePath
	Groups   []Group
	// Keys are lines of authorized_keys.
	Keys []Key
	// KeysIn is where they live.
	KeysIn KeysIn
}

// KeysIn is a place for authorized keys.
type KeysIn string

const (
	// KeysInHome is ~/.ssh/authorized_keys, which the user may change.
	KeysInHome KeysIn = "home"
	// KeysInSystem is a root-owned file that no image clean-up shreds.
	KeysInSystem KeysIn = "system"
)

// Name is a login name.
type Name string

var name = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// ParseName accepts what useradd(8) accepts on every distribution, but not root.
func ParseName(text string) (Name, error) {
	if text == "root" {
		return "", fmt.Errorf("\"root\" cannot be the deploy user: the whole point is that a deploy needs no root; write another name, such as \"deploy\"")
	}
	if !name.MatchString(text) {
		return "", fmt.Errorf("%q is no user name: useradd takes lower-case letters, digits, \"_\" and \"-\", beginning with a letter, at most 32 characters; for example \"deploy\"", text)
	}
	return Name(text), nil
}

// Group is a supplementary group that gives no way to root.
type Group string

// ParseGroup refuses groups that give root.
func ParseGroup(text string) (Group, error) {
	if slices.Contains(blueprint.PrivilegedGroups(), text) {
		return "", fmt.Errorf("%q gives its members root, or a way to it: the deploy user must have none, because whoever takes the app over has the deploy user's rights; leave the group out, and let a systemd unit or another user do what needs root", text)
	}
	if !name.MatchString(text) {
		return "", fmt.Errorf("%q is no group name: use lower-case letters, digits, \"_\" and \"-\"; for example \"video\"", text)
	}
	return Group(text), nil
}

// Key is one line of authorized_keys(5), options included.
type Key string

// ParseKey reads one line.
func ParseKey(text string) (Key, error) {
	line := strings.TrimSpace(text)
	if strings.Contains(line, "PRIVATE KEY") {
		return "", fmt.Errorf("is a private key, which must never be in an image: give the .pub file beside it, and treat this key as leaked if it was shared")
	}
	if strings.ContainsAny(line, "\r\n") {
		return "", fmt.Errorf("holds more than one line: give one key in each element")
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
		return "", fmt.Errorf("%q is no public key: sshd would ignore the line and nobody could log in with it; write it as in a .pub file, for example \"ssh-ed25519 AAAA… name\"", abbreviate(line))
	}
	return Key(line), nil
}

// ParseKeys reads a whole authorized_keys or .pub file.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		key, err := ParseKey(trimmed)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("holds no key: nobody could log in with it; name a file with one public key a line")
	}
	return keys, nil
}

func abbreviate(text string) string {
	if r := []rune(text); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return text
}

// Blueprint describes the user to the host tool.
func (u User) Blueprint() blueprint.User {
	out := blueprint.User{Name: string(u.Name), UID: u.UID, GID: u.GID, Home: string(u.Home), Shell: string(u.Shell)}
	for _, g := range u.Groups {
		out.Groups = append(out.Groups, string(g))
	}
	slices.Sort(out.Groups)
	return out
}
