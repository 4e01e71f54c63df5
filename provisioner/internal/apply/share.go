package apply

import (
	"fmt"
	"os"
	"path"
	"syscall"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/account"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// share deals entries out by whose rights make them. The deploy user makes its
// own, but for directories whose parent is root's, as /srv/shop is: root makes
// those, gives them away, and never writes below them.
func share(h host.Host, b *blueprint.Blueprint) (byRoot, byUser []blueprint.Entry, err error) {
	dirs := map[string]bool{}
	for _, e := range account.WithHome(b) {
		switch {
		case e.Owner == blueprint.Root:
			byRoot = append(byRoot, e)
		case belowAny(e.Path, dirs) || nearestOwner(h, e.Path) == b.User.UID:
			byUser = append(byUser, e)
		case e.Kind == blueprint.Dir:
			byRoot = append(byRoot, e)
		default:
			return nil, nil, fmt.Errorf("%s: the deploy user cannot make this %s, because its directory belongs to somebody else: put it below a directory of the app", e.Path, e.Kind)
		}
		if e.Owner == blueprint.DeployUser && e.Kind == blueprint.Dir {
			dirs[e.Path] = true
		}
	}
	return byRoot, byUser, nil
}

func belowAny(file string, dirs map[string]bool) bool {
	for dir := path.Dir(file); dir != "/"; dir = path.Dir(dir) {
		if dirs[dir] {
			return true
		}
	}
	return false
}

// nearestOwner is the uid of the file, or of the nearest of its parents that exists; -1 for none.
func nearestOwner(h host.Host, file string) int {
	for ; ; file = path.Dir(file) {
		info, err := os.Lstat(h.Path(file))
		if err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				return int(st.Uid)
			}
		}
		if file == "/" {
			return -1
		}
	}
}
