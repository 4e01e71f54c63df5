//go:build linux

package testmachine

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// sweepDead clears the slots whose owner is gone. The caller holds the global lock.
func sweepDead(ctx context.Context) error {
	for _, n := range knownSlots() {
		s := &slot{number: n}
		lock, err := tryLockFile(s.dir() + ".lock")
		if errors.Is(err, errLocked) {
			continue
		}
		if err != nil {
			return err
		}
		say("sweeping away what a killed run has left in slot %d", n)
		if err := errors.Join(s.sweep(ctx), lock.Close()); err != nil {
			return err
		}
	}
	return nil
}

// knownSlots are the numbers of the slots that have a directory, in use or left behind.
func knownSlots() []int {
	var numbers []int
	entries, _ := os.ReadDir(stateDir)
	for _, entry := range entries {
		if n, err := strconv.Atoi(entry.Name()); err == nil && entry.IsDir() {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// sweep removes all that bears the slot's number. The caller holds the global lock.
func (s *slot) sweep(ctx context.Context) error {
	if err := s.clear(ctx); err != nil {
		return err
	}
	return s.forget()
}

// clear removes all that bears the slot's number but its directory: processes
// first, since they hold the rest. What is already gone is no error, so that
// it may run at any point of a life cycle.
func (s *slot) clear(ctx context.Context) error {
	info, err := s.info()
	if err != nil {
		return err
	}
	err = errors.Join(
		s.removeCgroup(ctx),
		unmountBelow(info.Work),
		unmountBelow(s.dir()),
		s.removeNetwork(ctx),
	)
	if err != nil || info.Work == "" {
		return err
	}
	return os.RemoveAll(info.Work)
}

// forget removes the slot's directory, which is how the next run knows that
// there is something to sweep, and what was changed for all slots. The caller
// holds the global lock.
func (s *slot) forget() error {
	return errors.Join(os.RemoveAll(s.dir()), restoreSettings())
}

// info reads what publish wrote; a zero value when the run died before that.
func (s *slot) info() (*MachineInfo, error) {
	info := &MachineInfo{}
	text, err := os.ReadFile(filepath.Join(s.dir(), "machine.json"))
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(text) == 0) {
		return info, nil
	}
	if err != nil {
		return nil, err
	}
	return info, json.Unmarshal(text, info)
}

// unmountBelow unmounts dir and all below it in this mount namespace, the
// last mounted first. An empty dir stands for nothing.
func unmountBelow(dir string) error {
	if dir == "" {
		return nil
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var errs []error
	for _, point := range slices.Backward(mountsBelow(string(table), dir)) {
		// Lazily: a process that still stands in it must not keep the machine.
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			errs = append(errs, &fs.PathError{Op: "umount", Path: point, Err: err})
		}
	}
	return errors.Join(errs...)
}

// mountsBelow lists the mount points at or below dir in a mountinfo table, proc_pid_mountinfo(5).
func mountsBelow(table, dir string) []string {
	// The kernel writes these four as octal escapes.
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var points []string
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 4 {
			point := unescape.Replace(fields[4])
			if point == dir || strings.HasPrefix(point, dir+"/") {
				points = append(points, point)
			}
		}
	}
	return points
}
