package remote

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/packer-plugin-sdk/packer"
)

func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		answer  string
		status  int
		arch    string
		problem string // a word of the error
	}{
		"amd64":          {answer: "Linux x86_64\n", arch: "amd64"},
		"arm64":          {answer: "Linux aarch64\n", arch: "arm64"},
		"through a pty":  {answer: "Linux aarch64\r\n", arch: "arm64"},
		"with a welcome": {answer: "Welcome to Linux!\nLinux x86_64\nbye\n", arch: "amd64"},
		"no line end":    {answer: "Linux x86_64", arch: "amd64"},
		"32 bit arm":     {answer: "Linux armv7l\n", problem: "armv7l"},
		"freebsd":        {answer: "FreeBSD amd64\n", problem: "FreeBSD"},
		"windows":        {answer: "'uname' is not recognized as an internal or external command\r\n", status: 1, problem: "not recognized"},
		"none":           {answer: "\n", problem: "none"},
		"disconnected":   {answer: "\n", status: packer.CmdDisconnect, problem: "lost"},
		"endless noise":  {answer: strings.Repeat("noise\n", 10*maxAnswer), problem: "noise"},
	} {
		t.Run(name, func(t *testing.T) {
			host := &fakeHost{uname: c.answer, unameStatus: c.status}
			result, err := Run(t.Context(), host, testOptions(&heard{}))
			if c.problem == "" {
				if err != nil || result.Arch != c.arch {
					t.Errorf("arch %q, error %v; want %q", result.Arch, err, c.arch)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("error %v, want one that says %q", err, c.problem)
			}
			if lost := errors.Is(err, ErrConnectionLost); lost != (c.status == packer.CmdDisconnect) {
				t.Errorf("connection lost: %v", lost)
			}
			host.mustHaveBeenCalled(t, result, "uname -sm")
		})
	}
}

func TestCheckConnType(t *testing.T) {
	for connType, ok := range map[string]bool{
		"": true, "ssh": true, "docker": true, "lxd": true,
		"winrm": false, "none": false, "dockerWindowsContainer": false,
	} {
		if err := CheckConnType(connType); (err == nil) != ok {
			t.Errorf("CheckConnType(%q) = %v", connType, err)
		}
	}
}
