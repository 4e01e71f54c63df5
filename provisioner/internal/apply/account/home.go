package account

import (
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// homeMode lets a web server pass through to sockets and public files that it
// may read, and list nothing.
const homeMode = 0o751

// WithHome is the blueprint's entries and the deploy user's home, unless they
// say themselves how that is. It starts empty: a copy of /etc/skel that was
// killed half-way could not be told from what somebody changed.
func WithHome(b *blueprint.Blueprint) []blueprint.Entry {
	home := blueprint.Entry{Path: b.User.Home, Kind: blueprint.Dir, Owner: blueprint.DeployUser, Mode: homeMode}
	at, found := slices.BinarySearchFunc(b.Entries, home, func(a, b blueprint.Entry) int { return strings.Compare(a.Path, b.Path) })
	if found {
		return b.Entries
	}
	return slices.Insert(slices.Clone(b.Entries), at, home)
}
