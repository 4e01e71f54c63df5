package boot

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// A source answers for some kinds of From. The empty string means that it has
// no such value: an empty tag or a null says no more than a missing one, and
// whoever wants an empty value gives it as a default.
type source interface {
	lookup(ctx context.Context, from instance.From) (string, error)
}

// explainer is a source that can tell why it may have no such value.
type explainer interface {
	whyMissing(from instance.From) string
}

// sources are where values come from on this host.
type sources struct {
	cloud    source
	machine  source
	files    source
	programs source
	// privateIP is the machine, or a cloud that knows before the network is up.
	privateIP source
}

func (s sources) of(kind instance.Kind) source {
	switch kind {
	case instance.CPUs, instance.MemoryMB, instance.Hostname:
		return s.machine
	case instance.PrivateIP:
		return s.privateIP
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

// atOnce bounds how many sources are asked at the same time: many enough that
// one that hangs holds nobody up, few enough for a metadata service to bear.
const atOnce = 8

// found is what a source said to a value's question.
type found struct {
	value string
	err   error
	// why there may be no value, when the source can tell
	why string
}

// ask puts the questions of all values at once, and gives the answers in their order.
func (s sources) ask(ctx context.Context, values []instance.Value) []found {
	answers := make([]found, len(values))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, v := range values {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			answers[i] = s.askOne(ctx, v)
		})
	}
	all.Wait()
	return answers
}

func (s sources) askOne(ctx context.Context, v instance.Value) found {
	from, err := instance.ParseFrom(v.From)
	if err != nil {
		return found{err: err}
	}
	var answer found
	answer.value, answer.err = s.lookup(ctx, from)
	if e, ok := s.of(from.Kind).(explainer); ok && answer.value == "" {
		answer.why = e.whyMissing(from)
	}
	return answer
}

// asks tells whether some value is asked of the cloud.
func (s sources) asks(cloud source, values []instance.Value) bool {
	return slices.ContainsFunc(values, func(v instance.Value) bool {
		from, err := instance.ParseFrom(v.From)
		return err == nil && s.of(from.Kind) == cloud
	})
}

// nameInstance lets the verdict tell whose values these are.
func (s sources) nameInstance(ctx context.Context, verdict *instance.Verdict) {
	// What is no id here is not fit to be shown as one either.
	if id, err := s.lookup(ctx, instance.From{Kind: instance.InstanceID}); err == nil && (instance.Value{}).Check(id) == nil {
		verdict.InstanceID = id
	}
}

// noCloud is an instance without metadata.
type noCloud struct{}

func (noCloud) lookup(context.Context, instance.From) (string, error) { return "", nil }
