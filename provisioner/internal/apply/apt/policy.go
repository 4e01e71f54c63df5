package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
)

const (
	// policyPath is asked by invoke-rc.d(8) before it starts a service.
	policyPath = "/usr/sbin/policy-rc.d"
	// keptPath is where an existing policy waits. Renamed, it stays exactly what it was.
	keptPath = policyPath + ".deployhost-kept"
)

// policy forbids every start: 101 is invoke-rc.d's "action forbidden by policy".
var policy = []byte("#!/bin/sh\n# Put here by deployhost while it installs packages, and taken away by it.\nexit 101\n")

// forbidStarts keeps packages from starting services in an image that is being made.
func forbidStarts(h host.Host) error {
	if err := AllowStarts(h); err != nil {
		return err
	}
	path := h.Path(policyPath)
	if err := os.Rename(path, h.Path(keptPath)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("set %s aside: %w", policyPath, err)
	}
	temp := path + ".deployhost-new"
	if err := os.WriteFile(temp, policy, 0o755); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// AllowStarts undoes forbidStarts, also that of a run that was killed. It does
// nothing when there is nothing to undo.
func AllowStarts(h host.Host) error {
	path := h.Path(policyPath)
	err := os.Rename(h.Path(keptPath), path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if content, err := os.ReadFile(path); err == nil && bytes.Equal(content, policy) {
		return os.Remove(path)
	}
	return nil
}
