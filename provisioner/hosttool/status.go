package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	hoststatus "github.com/deployhost/packer-plugin-deployhost/provisioner/internal/status"
)

const (
	// collectTime bounds all that `deployhost status` asks, which has times of its own.
	collectTime = 20 * time.Second
	// graceTime is for ending what was asked when that is over.
	graceTime = 3 * time.Second
	// notFound is env(1)'s exit status for a command that is not there.
	notFound = 127
	// notRunnable is its exit status for one that is, but cannot be run.
	notRunnable = 126
)

// runStatus exits 0 when all is well, 1 when something is wrong, 2 when it cannot tell.
func runStatus(args []string) int {
	flags := flag.NewFlagSet("deployhost status", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print the report as JSON")
	if err := flags.Parse(args); err != nil || flags.NArg() != 0 {
		fmt.Fprintln(os.Stderr, "usage: deployhost status [--json]")
		return usageStatus
	}
	report, err := lookAround(hoststatus.Here())
	if err == nil && *asJSON {
		err = report.WriteJSON(os.Stdout)
	} else if err == nil {
		err = report.Print(os.Stdout, time.Local)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "deployhost status:", err)
		return usageStatus
	}
	if !report.OK {
		return 1
	}
	return 0
}

// lookAround ends in time also when a file system does not answer, which no
// context ends.
func lookAround(host hoststatus.Host) (*hoststatus.Report, error) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	type result struct {
		report *hoststatus.Report
		err    error
	}
	done := make(chan result, 1)
	go func() {
		b, err := host.Blueprint()
		if err != nil {
			done <- result{err: err}
			return
		}
		done <- result{report: hoststatus.Judge(hoststatus.Collect(ctx, host, b, time.Now().UTC()))}
	}()
	select {
	case r := <-done:
		return r.report, r.err
	case <-time.After(collectTime + graceTime):
		return nil, errors.New("the host does not answer: a file system hangs, or there is no processor time left")
	}
}

// runExec becomes the command, so that the command's exit status is the
// caller's; its own are env(1)'s.
func runExec(args []string) int {
	if len(args) < 3 || args[1] != "--" {
		fmt.Fprintln(os.Stderr, "usage: deployhost exec APP -- COMMAND [ARGUMENT…]")
		return usageStatus
	}
	code, err := execAs(hoststatus.Here(), args[0], args[2:])
	fmt.Fprintln(os.Stderr, "deployhost exec:", err)
	return code
}

func execAs(host hoststatus.Host, appName string, command []string) (int, error) {
	b, app, err := findApp(host, appName)
	if err != nil {
		return usageStatus, err
	}
	env, err := host.Environment(b, app, os.Environ())
	if err != nil {
		return 1, err
	}
	if err := host.Become(b.User); err != nil {
		return 1, err
	}
	program, err := hoststatus.Find(command[0], env)
	if err != nil {
		return notFound, err
	}
	return notRunnable, fmt.Errorf("%s: %w", program, syscall.Exec(program, command, env)) //nolint:gosec // running it is what was asked for
}

// runWait exits 0 when the app is healthy, 1 when it was not within the time.
func runWait(args []string) int {
	flags := flag.NewFlagSet("deployhost wait", flag.ContinueOnError)
	healthy := flags.Bool("healthy", false, "wait until every health check of the app passes")
	current := flags.Bool("current", false, "and until puma runs the release that current links to")
	timeout := flags.Duration("timeout", time.Minute, "give up after this long, or after this long without one more new worker")
	app, err := parseAround(flags, args)
	if err != nil || !*healthy || *timeout <= 0 {
		fmt.Fprintln(os.Stderr, "usage: deployhost wait APP --healthy [--current] [--timeout 60s]")
		return usageStatus
	}
	host := hoststatus.Here()
	_, found, err := findApp(host, app)
	if err != nil {
		fmt.Fprintln(os.Stderr, "deployhost wait:", err)
		return usageStatus
	}
	if err := host.WaitHealthy(context.Background(), found, hoststatus.Wait{Current: *current, Timeout: *timeout}); err != nil {
		fmt.Fprintln(os.Stderr, "deployhost wait:", err)
		return 1
	}
	return 0
}

func findApp(host hoststatus.Host, name string) (*blueprint.Blueprint, blueprint.App, error) {
	b, err := host.Blueprint()
	if err != nil {
		return nil, blueprint.App{}, err
	}
	app, err := hoststatus.FindApp(b, name)
	return b, app, err
}

// parseAround takes the one operand from before, between or after the flags,
// for package flag stops at the first operand.
func parseAround(flags *flag.FlagSet, args []string) (operand string, err error) {
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	operand = flags.Arg(0)
	if flags.NArg() > 0 {
		if err := flags.Parse(flags.Args()[1:]); err != nil {
			return "", err
		}
	}
	if operand == "" || flags.NArg() > 0 {
		return "", fmt.Errorf("%d operands", flags.NArg())
	}
	return operand, nil
}
