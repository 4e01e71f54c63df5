package testmachine

import "strings"

// The lines between which the plugin works, as people see them.
const (
	BakeBegins = "Baking a deploy host"
	BakeEnds   = "Deploy host baked"
)

// SSHSessions counts what the SDK's ssh communicator opened while the plugin
// worked, from the text of a PACKER_LOG. That log is the only place that
// knows: the guest's sshd does not tell one session of a connection from the
// next.
func SSHSessions(log string) int {
	sessions, baking := 0, false
	for line := range strings.Lines(log) {
		switch shown := strings.Contains(line, "ui: "); {
		case shown && strings.Contains(line, BakeBegins):
			baking = true
		case shown && strings.Contains(line, BakeEnds):
			baking = false
		case baking && strings.Contains(line, "[DEBUG] Opening new ssh session"):
			sessions++
		}
	}
	return sessions
}
