//go:build linux

package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

func list() error {
	running, err := testmachine.Running()
	if err != nil {
		return err
	}
	for _, m := range running {
		fmt.Println(m.Name, m.SSH)
	}
	return nil
}

// login becomes ssh(1), for its terminal.
func login(args []string) error {
	set := flag.NewFlagSet("ssh", flag.ContinueOnError)
	user := set.String("l", testmachine.BuildUser, "user")
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() == 0 {
		return fmt.Errorf("ssh to which machine? `testmachine list` tells their names")
	}
	running, err := testmachine.Running()
	if err != nil {
		return err
	}
	for _, m := range running {
		if m.Name == set.Arg(0) && m.SSH != "" {
			return become(m, *user, set.Args()[1:])
		}
	}
	return fmt.Errorf("no machine named %s is running; `testmachine list` tells the names", set.Arg(0))
}

func become(m testmachine.MachineInfo, user string, command []string) error {
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(m.SSH)
	if err != nil {
		return err
	}
	argv := append([]string{
		"ssh", "-i", m.Key, "-p", port, "-l", user,
		// The machine is some seconds old: there is no host key to know.
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
		host,
	}, command...)
	return syscall.Exec(ssh, argv, os.Environ())
}
