// Package remote moves a bundle to the host, starts it and listens to it. It
// is the only room that touches a Packer communicator.
//
// A run costs three communicator calls, whatever the bundle holds: the probe,
// the upload and the start; one more for an archive, and for each file that the
// host tool asks for while it runs; one more to clean up after a run that did
// not reach its end.
package remote

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
)

// DefaultFolder is where a bundle is uploaded to: every login may write there.
const DefaultFolder = "/tmp"

// Options of a run.
type Options struct {
	// Nonce is what the end event must carry to be believed. The bundle holds the same.
	Nonce string
	// Folder on the host for the upload, as bundle.CheckPath wants it; empty for DefaultFolder.
	Folder string
	// RenderCommand gives the command that starts the bundle at path; nil for `sh PATH`.
	RenderCommand func(path string) (string, error)
	// MakeBundle gives the bundle for arch, "amd64" or "arm64". archivePath is
	// where the archive will be on the host, empty without one.
	MakeBundle func(arch, archivePath string) ([]byte, error)
	// Archive is a file on the build machine which the bundle needs beside it; empty for none.
	Archive string
	// Wanted gives the file that a Want event's key names; nil when nothing was
	// offered. It is uploaded while the host tool runs, to the bundle's path, a
	// dot and the key.
	Wanted func(key string) (path string, err error)
	// OnEvent gets every event but the end, whose figures are in Result; nil for nobody.
	OnEvent func(event.Event)
	// OnOutput gets every line that is no event, without its line end; nil for nobody.
	// OnEvent and OnOutput are never called at the same time, nor after Run has returned.
	OnOutput func(line string)
}

// Result of a run. After an error it holds what is known so far.
type Result struct {
	// Changes that the host tool made, and the seconds that it took; 0 without its end event.
	Changes int
	Seconds float64
	// Arch is the host's, as Go names it.
	Arch string
	// Sessions counts the communicator calls that were made.
	Sessions int
	// BundleBytes is the size of what was uploaded, the archive not included.
	BundleBytes int
}

// NewNonce gives 128 random bits as 32 hexadecimal digits.
func NewNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	return hex.EncodeToString(b[:])
}

// Run configures the host behind comm. It returns nil only when the host tool
// wrote an end event that carries opts.Nonce and says ok. Otherwise the error is
// a *FailedError (the host told why), wraps ErrConnectionLost or ctx's cause,
// or tells in words what stopped it before the host was touched.
//
// When ctx ends, Run takes the bundle away from the host, which makes the host
// tool stop before its next step, and returns without waiting for that.
func Run(ctx context.Context, comm packer.Communicator, opts Options) (Result, error) {
	route, err := opts.prepare(comm)
	if err != nil {
		return Result{}, err
	}
	s := &session{comm: comm, opts: opts, route: route}
	err = s.run(ctx)
	return s.result, err
}

type session struct {
	comm   packer.Communicator
	opts   Options
	route  route
	result Result
	// uploaded are the paths on the host that an upload may have made.
	uploaded []string
}

func (s *session) run(ctx context.Context) (err error) {
	if s.result.Arch, err = s.probe(ctx); err != nil {
		return err
	}
	data, err := s.opts.MakeBundle(s.result.Arch, s.route.archive)
	if err != nil {
		return err
	}
	s.result.BundleBytes = len(data)
	ended, err := s.deliver(ctx, data)
	if !ended && len(s.uploaded) > 0 {
		err = errors.Join(err, s.cleanUp(ctx))
	}
	return err
}

// deliver reports whether the host tool, or the bundle's header, reached its
// end: then nothing of the upload is left on the host.
func (s *session) deliver(ctx context.Context, data []byte) (ended bool, err error) {
	if s.route.archive != "" {
		if err := s.uploadFile(ctx, s.route.archive, s.opts.Archive); err != nil {
			return false, err
		}
	}
	if err := s.uploadBytes(ctx, s.route.bundle, data); err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f := s.feed(ctx, cancel)
	l := &listener{opts: s.opts, want: f.want}
	status, err := s.execute(ctx, s.route.command, l.stdout, l.output)
	late := f.stop()
	switch {
	case l.end != nil:
		s.result.Changes, s.result.Seconds = l.end.Changes, l.end.Seconds
		return !late, l.verdict(status)
	case ctx.Err() != nil:
		return false, stopped(ctx)
	case err != nil:
		return false, fmt.Errorf("start `%s` on the host: %w", s.route.command, err)
	}
	return false, l.unfinished(status)
}

// cleanUpLimit is long enough for a reconnect and short enough for somebody who pressed ^C.
const cleanUpLimit = 30 * time.Second

// cleanUp removes the uploads, which also stops a host tool that still runs.
// The build may be cancelled already, so it has a time of its own.
func (s *session) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
	defer cancel()
	command := "rm -f " + strings.Join(s.uploaded, " ")
	ignore := func(string) {}
	status, err := s.execute(ctx, command, ignore, ignore)
	if err == nil && status != 0 {
		err = fmt.Errorf("exit status %d", status)
	}
	if err != nil {
		return fmt.Errorf("`%s` could not be run on the host, so these files may be left there: %w", command, err)
	}
	return nil
}
