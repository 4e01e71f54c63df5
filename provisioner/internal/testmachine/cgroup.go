//go:build linux

package testmachine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupRoot finds where this machine has its cgroup v2 tree mounted, or
// mounts it in the slot's directory (a host with v1 alone), to be unmounted by sweep.
func (s *slot) cgroupRoot() (string, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	if root := cgroup2Mount(string(table)); root != "" {
		return root, nil
	}
	dir := filepath.Join(s.dir(), "cgroup")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := unix.Mount("cgroup2", dir, "cgroup2", 0, ""); err != nil {
		return "", fmt.Errorf("mounting cgroup2, which systemd in a container needs: %w", err)
	}
	return dir, nil
}

// cgroup2Mount picks the first cgroup2 mount out of a mountinfo table.
func cgroup2Mount(table string) string {
	for line := range strings.Lines(table) {
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") && len(fields) > 4 {
			return fields[4]
		}
	}
	return ""
}

// makeCgroup makes a group for all processes of the slot's machine, so that
// they can be found and killed together, and hands every controller to it
// (there are none where cgroup v1 has them; limits are then not enforced).
func (s *slot) makeCgroup() (string, error) {
	root, err := s.cgroupRoot()
	if err != nil {
		return "", err
	}
	group := filepath.Join(root, s.name(), "machine")
	if err := os.MkdirAll(group, 0o755); err != nil {
		return "", fmt.Errorf("making a control group: %w; the cgroup2 tree must be writable (in Docker: --privileged)", err)
	}
	controllers, err := os.ReadFile(filepath.Join(root, s.name(), "cgroup.controllers"))
	if err != nil {
		return "", err
	}
	for _, c := range strings.Fields(string(controllers)) {
		control := filepath.Join(root, s.name(), "cgroup.subtree_control")
		if err := os.WriteFile(control, []byte("+"+c), 0o644); err != nil {
			say("the %s controller is not available to test machines: %v", c, err)
		}
	}
	return group, nil
}

// removeCgroup kills every process of the slot and removes its groups.
func (s *slot) removeCgroup(ctx context.Context) error {
	root, err := s.cgroupRoot()
	if err != nil {
		return err
	}
	top := filepath.Join(root, s.name())
	deadline := time.Now().Add(15 * time.Second)
	for {
		groups := groupsBelow(top)
		killed := 0
		for _, group := range groups {
			killed += killGroup(group)
		}
		err := removeDirs(groups)
		// A process that is just dying is listed no more, yet keeps its group busy.
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("%d processes do not die: %w", killed, errors.Join(err, ctx.Err()))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// groupsBelow lists top and the groups in it, parents first; none when top is gone.
func groupsBelow(top string) []string {
	var groups []string
	_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return nil // a group may go away while we walk
	})
	return groups
}

// killGroup kills the processes of one group and returns how many it saw.
func killGroup(group string) int {
	procs, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	if err != nil {
		return 0
	}
	seen := 0
	for _, field := range strings.Fields(string(procs)) {
		// 0 is a process of another PID namespace, which dies with its init.
		if pid, err := strconv.Atoi(field); err == nil {
			seen++
			if pid > 0 {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
	}
	return seen
}

func removeDirs(dirs []string) error {
	var errs []error
	for _, dir := range slices.Backward(dirs) {
		if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, &fs.PathError{Op: "rmdir", Path: dir, Err: err})
		}
	}
	return errors.Join(errs...)
}
