//go:build linux

// Command testmachine makes and boots the machines that this project's
// tests run on, for a person at the keyboard and for the makefile.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const usage = `Usage: testmachine VERB

  setup                      install the Debian packages that are missing
  base [SUITE…]              make base images: root directory and disk (bookworm)
  boot container [OPTION…]   boot one until it powers off or Ctrl-C
  boot vm [OPTION…]          the same as a QEMU machine
       -suite NAME           Debian release (bookworm)
       -name NAME            host name (test)
       -root DIR             container: boot this directory instead of a base image
       -image FILE           vm: boot this qcow2 instead of a base image
       -user-data FILE       cloud-init's user-data; without -instance-id cloud-init is off in a container
       -instance-id ID       cloud-init's instance id
       -forward PORT         vm: a guest's TCP port to be reached, repeatable
  bake                       make build/golden.qcow2 of example/local, boot it twice, look at both
  list                       the machines that run now
  ssh [-l USER] NAME [CMD…]  log in to one of them (packer)
  tools [NAME…]              build the tools from .tools and print their paths (all)
`

var verbs = map[string]func(ctx context.Context, args []string) error{
	"setup": func(ctx context.Context, _ []string) error { return testmachine.Setup(ctx) },
	"base":  makeBases,
	"boot":  boot,
	"bake":  bake,
	"list":  func(context.Context, []string) error { return list() },
	"ssh":   func(_ context.Context, args []string) error { return login(args) },
	"tools": buildTools,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	if len(args) == 0 || verbs[args[0]] == nil {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	if err := verbs[args[0]](ctx, args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "testmachine:", err)
		return 1
	}
	return 0
}

func makeBases(ctx context.Context, suites []string) error {
	if len(suites) == 0 {
		suites = []string{defaultSuite}
	}
	for _, suite := range suites {
		root, err := testmachine.BaseRoot(ctx, suite)
		if err != nil {
			return err
		}
		disk, err := testmachine.BaseDisk(ctx, suite)
		if err != nil {
			return err
		}
		fmt.Printf("%s root %s\n%s disk %s\n", suite, root, suite, disk.Image)
	}
	return nil
}

func buildTools(ctx context.Context, names []string) error {
	if len(names) == 0 {
		names = testmachine.Tools
	}
	for _, name := range names {
		path, err := testmachine.BuildTool(ctx, name)
		if err != nil {
			return err
		}
		fmt.Println(name, path)
	}
	return nil
}
