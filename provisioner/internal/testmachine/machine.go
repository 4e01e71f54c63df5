//go:build linux

package testmachine

import (
	"context"
	"errors"

	"golang.org/x/crypto/ssh"
)

// BuildUser is the user of every base image that may do everything with sudo.
const BuildUser = "packer"

// Machine is what a Container and a VM have in common.
type Machine interface {
	SSHAddr() string
	SSH(ctx context.Context, user string, key ...ssh.Signer) (*ssh.Client, error)
	Run(ctx context.Context, user, command string) (Result, error)
	Exec(ctx context.Context, argv ...string) (Result, error)
	WaitSSH(ctx context.Context, user string) error
	WaitBooted(ctx context.Context) error
	Reboot(ctx context.Context) error
	PowerOff(ctx context.Context) error
	Kill(ctx context.Context) error
	ConsoleLog() string
	Ended() <-chan struct{}
	Close() error
}

var (
	_ Machine = (*Container)(nil)
	_ Machine = (*VM)(nil)
)

// Running lists the machines that some process runs now.
func Running() ([]MachineInfo, error) {
	var running []MachineInfo
	for _, n := range knownSlots() {
		s := &slot{number: n}
		lock, err := tryLockFile(s.dir() + ".lock")
		if err == nil {
			err = lock.Close() // a dead run's
		}
		if !errors.Is(err, errLocked) {
			continue
		}
		info, err := s.info()
		if err != nil {
			return nil, err
		}
		running = append(running, *info)
	}
	return running, nil
}
