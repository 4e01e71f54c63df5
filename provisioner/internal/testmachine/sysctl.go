//go:build linux

package testmachine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// procSys is where the kernel shows what sysctl(8) sets. A variable for tests.
var procSys = "/proc/sys"

// setting is a number of the kernel's that is raised while there are machines.
type setting struct {
	name  string // its path below procSys
	least int
	why   string
}

// inotifyInstances is twice what root holds in one container (systemd, udevd,
// logind and others have seven). The kernel counts by user id, whatever
// container it is in, and its default of 128 is too low for twenty of them:
// inotify(7).
const inotifyInstances = 16

var settings = []setting{
	{"net/ipv4/ip_forward", 1, "the machines reach the network through this one"},
	{"fs/inotify/max_user_instances", maxSlots * inotifyInstances, "each container watches paths, and units of it fail that cannot"},
}

// raiseSettings gives the kernel what all slots together may need, and
// remembers what it had.
func raiseSettings() error {
	for _, s := range settings {
		if err := s.raise(); err != nil {
			return err
		}
	}
	return nil
}

// restoreSettings undoes raiseSettings with the last slot.
func restoreSettings() error {
	if len(knownSlots()) > 0 {
		return nil
	}
	var errs []error
	for _, s := range settings {
		errs = append(errs, s.restore())
	}
	return errors.Join(errs...)
}

func (s setting) file() string { return filepath.Join(procSys, s.name) }

// note holds the value that the setting had before the first slot.
func (s setting) note() string {
	return filepath.Join(stateDir, strings.ReplaceAll(s.name, "/", ".")+".was")
}

func (s setting) raise() error {
	text, err := os.ReadFile(s.file())
	if err != nil {
		return err
	}
	now, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("%s: %w", s.file(), err)
	}
	if now >= s.least {
		return nil
	}
	if err := os.WriteFile(s.note(), text, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(s.file(), []byte(strconv.Itoa(s.least)), 0o644); err != nil {
		return s.refused(now, err)
	}
	return nil
}

func (s setting) refused(now int, err error) error {
	name := strings.ReplaceAll(s.name, "/", ".")
	return fmt.Errorf("%s is %d, which is too low for test machines (%s), and cannot be raised from here: %w; run `sysctl -w %s=%d` on the host",
		name, now, s.why, err, name, s.least)
}

func (s setting) restore() error {
	before, err := os.ReadFile(s.note())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(s.file(), before, 0o644), os.Remove(s.note()))
}
