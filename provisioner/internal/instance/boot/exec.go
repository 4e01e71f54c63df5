package boot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/rootowned"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// killTime is how much earlier than the hook's time a program's ends, so that
// it is dead, and its own error told, when the hook goes on.
const killTime = 500 * time.Millisecond

// execSource runs programs of the image as the deploy user.
type execSource struct {
	host Host
	user blueprint.User
}

func (s execSource) lookup(ctx context.Context, from instance.From) (string, error) {
	// Whoever else could change it would run code as the deploy user, at every boot.
	rule := rootowned.Rule{Root: s.host.Users.Root, UID: s.host.RootUID, As: "the deploy user"}
	if err := rule.Check(from.Arg); err != nil {
		return "", err
	}
	groups, err := s.host.Users.Groups(s.user)
	if err != nil {
		return "", err
	}
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-killTime))
		defer cancel()
	}
	printed, err := s.host.RunProgram(ctx, deployuser.Program{
		Path: s.host.Users.Path(from.Arg), As: &s.user, Groups: groups, MaxOutput: systemd.MaxEnvValue + len("\n"),
	})
	if err != nil {
		return "", fmt.Errorf("%w; try it with `runuser -u %s -- %s`", err, s.user.Name, from.Arg)
	}
	return strings.TrimSuffix(printed, "\n"), nil
}

func (execSource) whyMissing(instance.From) string { return ": the program has printed nothing" }
