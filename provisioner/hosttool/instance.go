package main

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/boot"
)

// runInstance is the first-boot hook. It exits non-zero when the app must stay
// down, which makes systemd try again.
func runInstance(args []string) int {
	if len(args) != 0 {
		fmt.Fprintln(os.Stderr, "usage: deployhost instance")
		return usageStatus
	}
	// For programs that are run for their values. What the hook itself makes has
	// its mode set.
	syscall.Umask(0o077)
	verdict, err := boot.Run(context.Background(), boot.Here(os.Stderr))
	if err != nil {
		fmt.Fprintln(os.Stderr, "deployhost instance:", err)
		return 1
	}
	if !verdict.OK {
		return 1
	}
	return 0
}

// runMonitLink is started by the system unit that waits for an app's first deploy.
func runMonitLink(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: deployhost monit-link APP")
		return usageStatus
	}
	if err := boot.LinkMonit(context.Background(), boot.Here(os.Stderr), args[0]); err != nil {
		fmt.Fprintln(os.Stderr, "deployhost monit-link:", err)
		return 1
	}
	return 0
}

// runMonitCheck is started by monit's own unit, before monit.
func runMonitCheck([]string) int {
	if err := boot.CheckMonit(context.Background(), boot.Here(os.Stderr)); err != nil {
		fmt.Fprintln(os.Stderr, "deployhost monit-check:", err)
		return 1
	}
	return 0
}
