package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/asuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

func runApply(args []string) int {
	flags := flag.NewFlagSet("apply", flag.ContinueOnError)
	q := apply.Request{Host: host.New(), Tool: self(), Out: os.Stdout}
	flags.StringVar(&q.BlueprintPath, "blueprint", "", "`file` to apply")
	flags.StringVar(&q.Nonce, "nonce", "", "`text` that the last event repeats")
	flags.StringVar(&q.Bundle, "bundle", "", "`file` whose removal cancels the run")
	flags.StringVar(&q.Run, "run", "", "`id` of the Packer run")
	flags.StringVar(&q.Archive, "archive", "", "`file` with a Ruby, a tar.gz")
	offers := flags.String("offers", "", "`list` of Rubies that could be uploaded")
	flags.BoolVar(&q.KeepRuby, "keep-ruby", false, "send back each Ruby that is built")
	if flags.Parse(args) != nil || flags.NArg() > 0 || q.BlueprintPath == "" {
		fmt.Fprintln(os.Stderr, "deployhost apply: --blueprint is needed, and nothing but options is taken")
		return usageStatus
	}
	var err error
	if q.Offers, err = rubypack.ParseOffers(*offers); err != nil {
		fmt.Fprintln(os.Stderr, "deployhost apply:", err)
		return usageStatus
	}
	// A lost connection must not end us between two files: it is noticed between two steps.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return status(apply.Run(ctx, q))
}

func runWriteAsUser([]string) int {
	if err := asuser.Serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func runRoom(args []string) int {
	fmt.Fprintln(os.Stderr, host.Enter(args))
	return 1
}

// self is this program's file, which /proc keeps even when its name is gone.
// Without /proc the name that it was started by must do.
func self() string {
	const running = "/proc/self/exe"
	if _, err := os.Stat(running); err == nil {
		return running
	}
	return os.Args[0]
}

func status(ok bool) int {
	if ok {
		return 0
	}
	return 1
}
