package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

const (
	// stageDir is where a run makes all that blueprint.RunDir will be: beside
	// it, so that one rename is enough, and closed to everybody but root.
	stageDir = "/run/.deployhost"
	// lockPath keeps one run from another's stage, such as somebody's by hand
	// from the unit's.
	lockPath = "/run/deployhost-instance.lock"
)

// lock waits for another run's end. The kernel gives the lock back however we end.
func (h Host) lock() (unlock func(), err error) {
	fd, err := unix.Open(h.Users.Path(lockPath), unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(fd, unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return func() { _ = unix.Close(fd) }, nil
}

// openStage opens an empty stage. What lay there was left by a run that was
// killed, be it before publish or after it: then unfinished is true.
func (h Host) openStage() (stage *os.Root, unfinished bool, err error) {
	_, err = os.Lstat(h.Users.Path(stageDir))
	unfinished = err == nil
	if err := os.RemoveAll(h.Users.Path(stageDir)); err != nil {
		return nil, unfinished, err
	}
	stage, err = h.openRun(stageDir, 0o700)
	return stage, unfinished, err
}

// publish makes the stage what blueprint.RunDir is, with one rename. Whoever
// looks, and whenever the hook is killed, there is all of this run or all of
// the one before, the verdict included. The one before is the stage afterwards.
func (h Host) publish(stage *os.Root) error {
	live, err := h.openRun(blueprint.RunDir, 0o755)
	if err != nil {
		return err
	}
	_ = live.Close() // only made
	if err := stage.Chmod(".", 0o755); err != nil {
		return err
	}
	from, to := h.Users.Path(stageDir), h.Users.Path(blueprint.RunDir)
	if err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("putting %s in the place of %s: %w", stageDir, blueprint.RunDir, err)
	}
	return nil
}

// clearStage ends a run. Only now is nothing of it left to do.
func (h Host) clearStage() {
	if err := os.RemoveAll(h.Users.Path(stageDir)); err != nil {
		h.logf("warning: what an earlier run had written could not be removed: %v", err)
	}
}

// abandon takes away what an earlier run has published, when not even the
// verdict of this one could be put in its place.
func (h Host) abandon() error {
	from, to := h.Users.Path(blueprint.RunDir), h.Users.Path(stageDir)
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(to)
}
