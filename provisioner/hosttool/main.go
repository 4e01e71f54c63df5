// Command deployhost is the host tool. It makes an image at bake time, fills
// in what each instance has of its own at every boot, and answers people who
// ask how the host does.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/asuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
)

// version is set when a release is built.
var version = "dev"

// verb is one command.
type verb struct {
	name string
	// summary is empty for verbs that only other programs call.
	summary string
	run     func(args []string) int
}

func verbs() []verb {
	return []verb{
		{"status", "how the host, its apps and their values are (--json)", runStatus},
		{"exec", "APP -- COMMAND…: run a command with the app's values", runExec},
		{"wait", "APP --healthy: wait until the app answers", runWait},
		{"verify", "check the whole image against its blueprint (root)", runVerify},
		{"version", "print the version", runVersion},
		{"apply", "", runApply},
		{asuser.Verb, "", runWriteAsUser},
		{host.RoomVerb, "", runRoom},
		{"instance", "", runInstance},
		{"monit-link", "", runMonitLink},
		{"monit-check", "", runMonitCheck},
	}
}

func main() {
	// Files are made with the modes that they are given.
	syscall.Umask(0o022)
	os.Exit(run(os.Args[1:]))
}

// usageStatus is the exit status for a command line that makes no sense.
const usageStatus = 2

func run(args []string) int {
	all := verbs()
	if len(args) > 0 {
		if i := slices.IndexFunc(all, func(v verb) bool { return v.name == args[0] }); i >= 0 {
			return all[i].run(args[1:])
		}
	}
	out, status := os.Stderr, usageStatus
	if len(args) > 0 && slices.Contains([]string{"help", "-h", "--help"}, args[0]) {
		out, status = os.Stdout, 0
	}
	fmt.Fprint(out, usage(all))
	return status
}

func usage(all []verb) string {
	var text strings.Builder
	text.WriteString("usage: deployhost VERB\n\n")
	for _, v := range all {
		if v.summary != "" {
			fmt.Fprintf(&text, "  %-8s %s\n", v.name, v.summary)
		}
	}
	return text.String()
}

func runVersion([]string) int {
	fmt.Println(version)
	return 0
}
