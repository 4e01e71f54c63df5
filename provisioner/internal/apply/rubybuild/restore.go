package rubybuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/apt"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/ruby"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

const (
	// uploadStalls is how long an upload may make no progress. A communicator
	// that does one thing at a time never begins it.
	uploadStalls = time.Minute
	uploadPause  = 50 * time.Millisecond
)

// restore brings a version that was built before, and tells whether it did.
// Whatever is wrong with it, the version is built anew then.
func (s *Site) restore(ctx context.Context, in rubypack.Inputs) bool {
	i := slices.IndexFunc(s.Cache.Offers, func(o rubypack.Offer) bool { return o.Key == in.Key() })
	if i < 0 {
		return false
	}
	start := time.Now()
	err := s.restoreFrom(ctx, s.Cache.Offers[i], in, start)
	if err != nil {
		if s.cancelled(ctx) == nil {
			s.Events.Warn(fmt.Sprintf("ruby: %s from the cache is not used, and compiled instead: %v", in.Version, err))
		}
		if err := s.openStage(); err != nil {
			s.Events.Warn(err.Error())
		}
		return false
	}
	s.Events.Progress(fmt.Sprintf("Ruby %s: restored in %.1f s", in.Version, time.Since(start).Seconds()))
	return true
}

func (s *Site) restoreFrom(ctx context.Context, offer rubypack.Offer, in rubypack.Inputs, start time.Time) error {
	pack, err := s.receive(ctx, offer)
	if err != nil {
		return err
	}
	defer pack.Close()
	if pack.Inputs.Key() != in.Key() {
		return fmt.Errorf("it is a Ruby for something else (%s for %s)", pack.Inputs.Version, pack.Inputs.Distribution)
	}
	if err := s.runtimePackages(pack.Packages); err != nil {
		return err
	}
	room, err := s.room(in.Version)
	if err != nil {
		return err
	}
	if _, _, err := ruby.Unpack(pack.Content(), s.path(s.staged(in.Version))); err != nil {
		return err
	}
	if problem, err := s.prove(in, room); err != nil || problem != "" {
		return errors.Join(err, errors.New(problem))
	}
	header := pack.Header
	header.Seconds = time.Since(start).Seconds()
	return s.publish(header, restored)
}

// receive asks for an upload and waits until it is here. Only the checksum
// tells when that is: communicators write pieces in any order.
func (s *Site) receive(ctx context.Context, offer rubypack.Offer) (*rubypack.Pack, error) {
	at := s.Cache.Upload(offer.Key)
	s.Events.Want(offer.Key)
	var size int64
	for last := time.Now(); ; time.Sleep(uploadPause) {
		if err := s.cancelled(ctx); err != nil {
			return nil, err
		}
		info, err := os.Lstat(at)
		if err == nil && info.Mode().IsRegular() && info.Size() != size {
			size, last = info.Size(), time.Now()
		}
		if size == offer.Size {
			if pack, err := rubypack.Open(at); err == nil {
				if pack.SHA256 == offer.SHA256 {
					return pack, nil
				}
				return nil, errors.Join(errors.New("it is another one than was offered"), pack.Close())
			}
		}
		if time.Since(last) > uploadStalls {
			return nil, fmt.Errorf("only %d of its %d bytes have come, and none for %s", size, offer.Size, uploadStalls)
		}
	}
}

func (s *Site) runtimePackages(names []string) error {
	missing, err := apt.Missing(s.Host, names)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := apt.Install(s.Host, missing); err != nil {
		return fmt.Errorf("the packages that it links against: %w", err)
	}
	for _, name := range missing {
		s.Events.Changed("package " + name)
	}
	return nil
}
