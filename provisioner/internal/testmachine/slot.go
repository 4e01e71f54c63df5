//go:build linux

package testmachine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
)

// stateDir is the same for every cache on this machine, because network
// namespaces, addresses and cgroups are the machine's too. A variable for tests.
var stateDir = "/run/deployhost-testmachine"

// maxSlots keeps a slot's number within one octet of an address.
const maxSlots = 250

// slot is a running machine's number, from which every name and address that
// it uses on this machine follows. Its lock is held by the process that runs
// the machine: a slot that can be locked belongs to nobody, so whatever still
// bears its number is a dead run's.
type slot struct {
	number int
	lock   *os.File
}

// name is that of the network namespace, veth and cgroup. Interface names have at most 15 bytes.
func (s *slot) name() string { return "deployhost-" + strconv.Itoa(s.number) }

// dir holds what must be known of the slot to sweep it.
func (s *slot) dir() string { return filepath.Join(stateDir, strconv.Itoa(s.number)) }

// outer and inner are the two ends of the slot's own /30.
func (s *slot) outer() netip.Addr { return s.subnet().Addr().Next() }
func (s *slot) inner() netip.Addr { return s.outer().Next() }
func (s *slot) subnet() netip.Prefix {
	return netip.MustParsePrefix("10.213." + strconv.Itoa(s.number) + ".0/30")
}

// MachineInfo is what anybody on this machine may know of a running one.
type MachineInfo struct {
	Name string `json:"name"`
	// Work is the slot's directory on a disk, removed with it.
	Work string `json:"work"`
	// SSH is host:port.
	SSH string `json:"ssh"`
	// Key is the private key's path.
	Key string `json:"key"`
}

// takeSlot sweeps every slot that a dead run has left, then takes a free one and makes its directories.
func takeSlot(ctx context.Context, name string) (*slot, *MachineInfo, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, nil, err
	}
	global, err := lockFile(ctx, filepath.Join(stateDir, "lock"))
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = global.Close() }()
	if err := sweepDead(ctx); err != nil {
		return nil, nil, err
	}
	s, err := freeSlot()
	if err != nil {
		return nil, nil, err
	}
	info := &MachineInfo{Name: name, Work: filepath.Join(cache, "run", s.name())}
	if err := os.MkdirAll(info.Work, 0o700); err != nil {
		return nil, nil, errors.Join(err, s.lock.Close())
	}
	if err := s.publish(info); err != nil {
		return nil, nil, errors.Join(err, s.lock.Close())
	}
	return s, info, nil
}

// freeSlot locks the first number that nobody holds and no interface's address meets.
func freeSlot() (*slot, error) {
	used := interfacePrefixes()
	for n := 1; n <= maxSlots; n++ {
		s := &slot{number: n}
		if overlaps(used, s.subnet()) {
			continue
		}
		lock, err := tryLockFile(s.dir() + ".lock")
		if errors.Is(err, errLocked) {
			continue
		}
		s.lock = lock
		return s, err
	}
	return nil, fmt.Errorf("all %d slots for test machines are in use; close some", maxSlots)
}

// publish writes what is known of the slot's machine.
func (s *slot) publish(info *MachineInfo) error {
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir(), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir(), "machine.json"), text, 0o600)
}

// release sweeps the slot and gives it back. It works on after ctx has ended:
// cleaning up is due exactly then. What takes time is done before the global
// lock is held, so that many machines can end at once; the slot's own lock
// keeps others from it.
func (s *slot) release(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	err := s.clear(ctx)
	global, lockErr := lockFile(ctx, filepath.Join(stateDir, "lock"))
	if lockErr != nil {
		return errors.Join(err, lockErr)
	}
	if err == nil {
		err = s.forget()
	}
	return errors.Join(err, s.lock.Close(), global.Close())
}

func interfacePrefixes() []netip.Prefix {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var prefixes []netip.Prefix
	for _, addr := range addrs {
		if prefix, err := netip.ParsePrefix(addr.String()); err == nil {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes
}

func overlaps(used []netip.Prefix, want netip.Prefix) bool {
	for _, prefix := range used {
		if prefix.Overlaps(want) {
			return true
		}
	}
	return false
}
