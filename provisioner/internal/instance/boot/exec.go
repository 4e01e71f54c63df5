package boot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
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
	if err := s.trust(from.Arg); err != nil {
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

// trust wants that root alone can change what is run: whoever else could would
// run code as the deploy user, at every boot. So each step of the path is
// root's, and no link, by the rule that openPlainly has. What has passed, nobody
// but root can change before it is started.
func (s execSource) trust(program string) error {
	steps := strings.Split(program, "/") // the first is empty, for the root directory
	for i := range steps {
		at := cmp.Or(strings.Join(steps[:i+1], "/"), "/")
		info, err := os.Lstat(s.host.Users.Path(at))
		switch last := i == len(steps)-1; {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("there is no %s: put the program into the image", program)
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a symbolic link, and the hook follows none: name the program's real path", at)
		case last && !info.Mode().IsRegular():
			return fmt.Errorf("%s is no regular file", at)
		case last && info.Mode()&0o111 == 0:
			return fmt.Errorf("%s is not executable: give it mode 0755", at)
		case !s.rootsAlone(info):
			return fmt.Errorf("%s can be changed by others than root, who could so run code as the deploy user: give it to root, "+
				"with mode 0755, and so each directory above it", at)
		}
	}
	return nil
}

func (s execSource) rootsAlone(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == s.host.RootUID && info.Mode()&0o022 == 0
}
