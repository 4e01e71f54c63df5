package deployhost

import (
	"context"
	"fmt"

	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/bundle"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubycache"
)

// localArchive is the archive as a file of this machine.
func (s session) localArchive(ctx context.Context) (string, error) {
	if !isURL(s.archive) {
		return s.archive, nil
	}
	return rubycache.Download(ctx, s.cache.Dir, s.archive, s.sum)
}

// rubies are those that go to the host and come back from it.
type rubies struct {
	ui    packer.Ui
	cache rubycache.Cache
	found rubycache.Found
	// incoming is nil as long as nothing comes.
	incoming *rubycache.Incoming
}

// offer puts into a bundle what the cache has for it.
func (r *rubies) offer(in *bundle.Input) error {
	ruby := in.Blueprint.Ruby
	if ruby == nil || ruby.Method != blueprint.RubyBuilt || !r.cache.On() {
		return nil
	}
	var err error
	if r.found, err = r.cache.Find(ruby.Versions(), in.Arch); err != nil {
		return err
	}
	for _, refused := range r.found.Refused {
		r.ui.Say("  Ruby cache: " + refused)
	}
	in.Offers, in.KeepRuby = r.found.Offers, true
	return nil
}

func (r *rubies) path(key string) (string, error) { return r.found.Path(key) }

// event keeps what the host sends. A cache that cannot be written must not
// fail the bake: the Ruby is in the image.
func (r *rubies) event(e event.Event) {
	if e.Type == event.Pack {
		r.drop()
		var err error
		if r.incoming, err = r.cache.Receive(e.Key, e.Size); err != nil {
			r.notKept(err)
		}
		return
	}
	if r.incoming == nil || r.incoming.Key() != e.Key {
		return
	}
	complete, err := r.incoming.Write(e.Data)
	if err != nil {
		r.notKept(err)
	}
	if err != nil || !complete {
		return
	}
	kept, err := r.incoming.Keep()
	r.incoming = nil
	if err != nil {
		r.notKept(err)
		return
	}
	r.ui.Say(fmt.Sprintf("    Ruby cache: %.1f MiB in %s", float64(kept.Bytes)/(1<<20), kept.Path))
}

func (r *rubies) notKept(err error) {
	r.ui.Say(fmt.Sprintf("    warning: Ruby cache: %v; the Ruby is in the image, but the next bake compiles it again. See to ruby.cache_dir, or write cache = \"off\"", err))
	r.drop()
}

// drop forgets what has come only in part.
func (r *rubies) drop() {
	if r.incoming != nil {
		_ = r.incoming.Drop() // a hidden file more in a cache
		r.incoming = nil
	}
}
