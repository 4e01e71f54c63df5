package status

import (
	"context"
	"strings"
	"time"
)

// rubyTime is for a Ruby on a busy machine, where one takes 0.1 s at rest.
const rubyTime = 10 * time.Second

// ruby runs the version as a unit does: as the deploy user, with no profile read.
func (l *look) ruby(ctx context.Context) {
	if l.b.Ruby == nil {
		return
	}
	baked := *l.b.Ruby
	rbenv := func(args ...string) (string, error) {
		command := l.Users.Command(l.b.User, append([]string{baked.Root + "/bin/rbenv"}, args...)...)
		command.Env = append(command.Env, "RBENV_ROOT="+baked.Root, "RBENV_VERSION="+baked.Version)
		return l.ask(ctx, rubyTime, command)
	}
	found := &Ruby{Version: baked.Version, State: RubyWorks, Installed: []string{}}
	l.state.Ruby = found
	var listErr, runErr error
	together(
		func() {
			var out string
			out, listErr = rbenv("versions", "--bare")
			for version := range strings.Lines(out) {
				found.Installed = append(found.Installed, readable(strings.TrimSpace(version)))
			}
		},
		func() {
			var out string
			out, runErr = rbenv("exec", "ruby", "-v")
			line, _, _ := strings.Cut(out, "\n")
			found.Runs = readable(line)
		},
	)
	switch {
	case !l.exists(baked.VersionDir()):
		found.State = RubyMissing
	case runErr != nil || found.Runs == "":
		found.State = RubyBroken
		if runErr != nil {
			found.Error = readable(l.hideIn(runErr.Error()))
		}
	case listErr != nil:
		l.miss("rbenv's versions: %v", listErr)
	}
}
