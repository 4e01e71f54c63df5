package main

import (
	"strings"
	"testing"
)

func TestUnknownVerbs(t *testing.T) {
	for _, args := range [][]string{nil, {"no-such-verb"}, {"verify", "x"}, {"apply"}, {"apply", "--blueprint", "f", "x"}, {"status", "x"}, {"status", "--yaml"}} {
		if got := run(args); got != usageStatus {
			t.Errorf("%q ends with %d", args, got)
		}
	}
	for _, args := range [][]string{{"help"}, {"version"}} {
		if got := run(args); got != 0 {
			t.Errorf("%q ends with %d", args, got)
		}
	}
}

func TestUsageShowsPeopleTheirVerbsOnly(t *testing.T) {
	text := usage(verbs())
	for verb, shown := range map[string]bool{"status": true, "exec": true, "wait": true, "verify": true, "apply": false, "write-as-user": false, "monit-link": false} {
		if strings.Contains(text, "  "+verb) != shown {
			t.Errorf("%s in the usage: %v, want %v", verb, !shown, shown)
		}
	}
}
