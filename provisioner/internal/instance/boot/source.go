package boot

import (
	"context"
	"fmt"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// A source answers for some kinds of From. The empty string means that it has
// no such value: an empty tag or a null says no more than a missing one, and
// whoever wants an empty value gives it as a default.
type source interface {
	lookup(ctx context.Context, from instance.From) (string, error)
}

// sources are where values come from on this host.
type sources struct {
	cloud    source
	machine  source
	files    source
	programs source
}

func (s sources) of(kind instance.Kind) source {
	switch kind {
	case instance.CPUs, instance.MemoryMB, instance.Hostname, instance.PrivateIP:
		return s.machine
	case instance.FileAt:
		return s.files
	case instance.Exec:
		return s.programs
	}
	return s.cloud
}

// lookup asks the source that answers for from, but no longer than ctx lasts,
// not even for a file on a dead network file system.
func (s sources) lookup(ctx context.Context, from instance.From) (string, error) {
	type answer struct {
		value string
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := s.of(from.Kind).lookup(ctx, from)
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		return "", fmt.Errorf("%s did not answer within the hook's time: %w", from, ctx.Err())
	}
}

// noCloud is an instance without metadata.
type noCloud struct{}

func (noCloud) lookup(context.Context, instance.From) (string, error) { return "", nil }
