package remote

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/packer-plugin-sdk/packer"
)

// architectures are those a host tool exists for: uname's name, then Go's.
var architectures = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// CheckConnType refuses communicators that cannot serve, by the ConnType that
// Packer hands to Provision. An empty one is that of a builder which says nothing.
func CheckConnType(connType string) error {
	switch connType {
	case "winrm", "dockerWindowsContainer":
		return fmt.Errorf("communicator %q reaches a Windows host, and deployhost configures Linux hosts with systemd: use communicator = \"ssh\" and a Linux image", connType)
	case "none":
		return fmt.Errorf("communicator %q reaches no host, so there is nothing to configure: use communicator = \"ssh\"", connType)
	}
	return nil
}

// probe asks what the host is, the first of the three calls, and gives its architecture as Go names it.
func (s *session) probe(ctx context.Context) (string, error) {
	var answer probeAnswer
	status, err := s.execute(ctx, "uname -sm", answer.add, answer.add)
	if err != nil {
		return "", fmt.Errorf("ask the host what it is: %w", err)
	}
	if status == packer.CmdDisconnect {
		return "", fmt.Errorf("%w (at the first command, before anything was changed)", ErrConnectionLost)
	}
	return answer.architecture()
}

// probeAnswer keeps the lines that the host wrote; the exit status tells less.
type probeAnswer struct{ lines []string }

// maxAnswer bounds what a login script may add to the one line that we need.
const maxAnswer = 200

func (a *probeAnswer) add(line string) {
	if len(a.lines) < maxAnswer {
		a.lines = append(a.lines, line)
	}
}

func (a *probeAnswer) architecture() (string, error) {
	for _, line := range a.lines {
		system, machine, _ := strings.Cut(strings.TrimSpace(line), " ")
		if system != "Linux" || strings.Contains(machine, " ") {
			continue
		}
		if arch, ok := architectures[machine]; ok {
			return arch, nil
		}
		return "", fmt.Errorf("the host is Linux on %q, and there is a host tool only for x86_64 and aarch64: build this image for one of those", machine)
	}
	if len(a.lines) == 0 {
		return "", fmt.Errorf("the host answered nothing to `uname -sm`: with communicator = \"none\" there is no host, and any other must be able to run commands on it")
	}
	return "", fmt.Errorf("the host is not Linux, or cannot run commands: to `uname -sm` it answered %q. deployhost configures Linux hosts with systemd", excerpt(a.lines))
}

// excerpt is enough of the host's words for a person to recognise them.
func excerpt(lines []string) string {
	const most = 5
	if len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	return strings.Join(lines, "\n")
}
