//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const defaultSuite = "bookworm"

// bootFlags are what `boot` can be told.
type bootFlags struct {
	suite, name, root, image, userData, instanceID string
	forward                                        []int
}

func parseBoot(args []string) (*bootFlags, error) {
	f := &bootFlags{}
	set := flag.NewFlagSet("boot", flag.ContinueOnError)
	set.StringVar(&f.suite, "suite", defaultSuite, "Debian release")
	set.StringVar(&f.name, "name", "test", "host name")
	set.StringVar(&f.root, "root", "", "directory to boot instead of a base image")
	set.StringVar(&f.image, "image", "", "qcow2 to boot instead of a base image")
	set.StringVar(&f.userData, "user-data", "", "file with cloud-init's user-data")
	set.StringVar(&f.instanceID, "instance-id", "", "cloud-init's instance id")
	set.Func("forward", "guest port to be reached", func(value string) error {
		port, err := strconv.Atoi(value)
		f.forward = append(f.forward, port)
		return err
	})
	return f, set.Parse(args)
}

// seed is nil when nothing of one was asked for.
func (f *bootFlags) seed() (*testmachine.Seed, error) {
	if f.userData == "" && f.instanceID == "" {
		return nil, nil
	}
	seed := &testmachine.Seed{InstanceID: cmp.Or(f.instanceID, "i-"+f.name), Hostname: f.name}
	if f.userData == "" {
		return seed, nil
	}
	text, err := os.ReadFile(f.userData)
	seed.UserData = string(text)
	return seed, err
}

// boot starts a machine and stays until it has ended or ctx has.
func boot(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("boot what? container or vm")
	}
	f, err := parseBoot(args[1:])
	if err != nil {
		return err
	}
	machine, err := start(ctx, args[0], f)
	if err != nil {
		return err
	}
	err = attend(ctx, machine, f)
	if ctx.Err() != nil {
		err = nil // Ctrl-C is how a person ends it
	}
	return errors.Join(err, machine.Close())
}

// attend says how to reach the machine and waits for its end.
func attend(ctx context.Context, machine testmachine.Machine, f *bootFlags) error {
	fmt.Println("console", machine.ConsoleLog())
	if err := machine.WaitSSH(ctx, testmachine.BuildUser); err != nil {
		return err
	}
	fmt.Printf("up: testmachine ssh %s (sshd at %s); Ctrl-C ends it\n", f.name, machine.SSHAddr())
	if vm, ok := machine.(*testmachine.VM); ok {
		for _, port := range f.forward {
			fmt.Printf("guest port %d is at %s\n", port, vm.Forwarded(port))
		}
	}
	select {
	case <-ctx.Done():
	case <-machine.Ended():
	}
	return nil
}

func start(ctx context.Context, kind string, f *bootFlags) (testmachine.Machine, error) {
	seed, err := f.seed()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "container":
		lower := f.root
		if lower == "" {
			if lower, err = testmachine.BaseRoot(ctx, f.suite); err != nil {
				return nil, err
			}
		}
		return testmachine.BootContainer(ctx, testmachine.RootOptions{Name: f.name, Lower: []string{lower}, Seed: seed})
	case "vm":
		disk, err := testmachine.BaseDisk(ctx, f.suite)
		if err != nil {
			return nil, err
		}
		if f.image != "" {
			if disk.Image, err = filepath.Abs(f.image); err != nil { // the overlay beside it lies elsewhere
				return nil, err
			}
		}
		return testmachine.BootVM(ctx, testmachine.VMOptions{Name: f.name, Disk: *disk, Seed: seed, Forward: f.forward})
	}
	return nil, fmt.Errorf("there is no machine of kind %q; boot a container or a vm", kind)
}
