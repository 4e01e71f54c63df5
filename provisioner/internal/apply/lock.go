package apply

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
)

// lockPath is below /run, so that no image keeps it.
const lockPath = "/run/deployhost.lock"

// lock keeps a second apply out. The kernel gives the lock back however we end.
func lock(h host.Host) (unlock func(), err error) {
	fd, err := unix.Open(h.Path(lockPath), unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", lockPath, err)
	}
	err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { _ = unix.Close(fd) }, nil
	}
	_ = unix.Close(fd)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("another `deployhost apply` is at work on this host (it holds %s), and two would undo each other: wait until it has ended, and run the build again", lockPath)
	}
	return nil, fmt.Errorf("flock %s: %w", lockPath, err)
}
