package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
)

// ErrConnectionLost says that no end event arrived and that the host did not tell why.
var ErrConnectionLost = errors.New("the connection to the host was lost before the host tool had told its end. Every change is made whole or not at all, so running the build again converges")

// FailedError is the host's own account of a failed run.
type FailedError struct {
	// Problems are the reasons in the host tool's words; may be empty.
	Problems []string
	// Status is the exit status of the remote command.
	Status int
	// LastOutput holds up to keptLines lines that were no events.
	LastOutput []string
}

// Error lists every problem, or what is known when there is none.
func (e *FailedError) Error() string {
	if len(e.Problems) > 0 {
		return "the host could not be configured:\n  - " + strings.Join(e.Problems, "\n  - ")
	}
	text := fmt.Sprintf("the host tool failed with exit status %d and gave no reason", e.Status)
	if len(e.LastOutput) > 0 {
		text += "; the last that was heard of it:\n  " + strings.Join(e.LastOutput, "\n  ")
	}
	return text
}

// stopped is the error for a ctx that ended after the upload had begun.
func stopped(ctx context.Context) error {
	return fmt.Errorf("stopped: %w. The upload is removed from the host, and a host tool that has started ends before its next step. Running the build again converges", context.Cause(ctx))
}

// keptLines of output are shown with a failure that has no other reason.
const keptLines = 10

// listener sorts what comes back from the host.
type listener struct {
	opts     Options
	want     func(key string)
	end      *event.Event
	problems []string
	kept     []string
}

func (l *listener) stdout(line string) {
	e, ok := event.Parse(line)
	switch {
	case !ok:
		l.output(line)
		return
	case e.Type == event.End && e.Nonce != l.opts.Nonce:
		// Anything on the host may print such a line.
		l.output(line)
		return
	case e.Type == event.End:
		l.end = &e
		return
	case e.Type == event.Want:
		l.want(e.Key)
		return
	case e.Type == event.Problem:
		l.problems = append(l.problems, e.Text)
	}
	if l.opts.OnEvent != nil {
		l.opts.OnEvent(e)
	}
}

func (l *listener) output(line string) {
	if len(l.kept) == keptLines {
		l.kept = l.kept[1:]
	}
	l.kept = append(l.kept, line)
	if l.opts.OnOutput != nil {
		l.opts.OnOutput(line)
	}
}

// verdict judges a run that told its end. Its exit status adds nothing: the
// connection may break right after the end.
func (l *listener) verdict(status int) error {
	if l.end.OK {
		return nil
	}
	return l.failure(status)
}

// unfinished judges a run that told no end. The SSH communicator reports
// CmdDisconnect for most lost sessions and 0 for others (hashicorp/packer#2216).
func (l *listener) unfinished(status int) error {
	var err error
	switch status {
	case packer.CmdDisconnect:
		err = ErrConnectionLost
	case 0:
		err = fmt.Errorf("%w. (The exit status is 0, which some communicators report for a lost session. If execute_command is set, it must run {{.Path}} to its end and pass its output on.)", ErrConnectionLost)
	default:
		return l.failure(status)
	}
	if len(l.problems) > 0 {
		err = errors.Join(l.failure(status), err)
	}
	return err
}

func (l *listener) failure(status int) error {
	return &FailedError{Problems: l.problems, Status: status, LastOutput: l.kept}
}
