package remote

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/packer-plugin-sdk/packer"
)

// execute runs one command and gives its output away line by line; both
// functions are called one at a time, and never after execute has returned.
// The error tells that the command could not be started, or that ctx ended; in
// that case the command may still be running, since no communicator can stop it.
func (s *session) execute(ctx context.Context, command string, stdout, stderr func(line string)) (status int, err error) {
	var gate gate
	out, errs := &lineSplitter{emit: stdout}, &lineSplitter{emit: stderr}
	defer gate.close(out, errs)
	cmd := &packer.RemoteCmd{Command: command, Stdout: gate.writer(out), Stderr: gate.writer(errs)}
	if err := s.call(ctx, func() error { return s.comm.Start(ctx, cmd) }); err != nil {
		return 0, err
	}
	exit := make(chan int, 1)
	go func() { exit <- cmd.Wait() }()
	select {
	case status := <-exit:
		return status, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// callGrace is for a communicator method to come back by itself after ctx has
// ended, so that an upload does not recreate what the clean-up removes.
const callGrace = 5 * time.Second

// call counts and runs one communicator method. Its methods know no
// cancellation and can block for as long as TCP does.
func (s *session) call(ctx context.Context, method func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.result.Sessions++
	done := make(chan error, 1)
	go func() { done <- method() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return errors.Join(context.Cause(ctx), err)
	case <-time.After(callGrace):
		return context.Cause(ctx)
	}
}

// gate makes the two streams of a command, which arrive on goroutines of the
// communicator, take turns, and shuts them out once nobody listens any more.
type gate struct {
	mu     sync.Mutex
	closed bool
}

func (g *gate) writer(to *lineSplitter) io.Writer { return gatedWriter{g, to} }

// close hands out unfinished last lines.
func (g *gate) close(streams ...*lineSplitter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range streams {
		s.flush()
	}
	g.closed = true
}

type gatedWriter struct {
	gate *gate
	to   *lineSplitter
}

// Write never fails: an error would make the communicator drop the stream, and
// the host tool die of a broken pipe.
func (w gatedWriter) Write(p []byte) (int, error) {
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	if !w.gate.closed {
		w.to.write(p)
	}
	return len(p), nil
}
