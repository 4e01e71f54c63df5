// Package apply makes a host what a blueprint says. It needs no running
// systemd, logind or D-Bus, changes nothing before everything that can be
// checked has been, and converges when it is killed at any point and run again.
package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// Request is one run.
type Request struct {
	Host host.Host
	// BlueprintPath is the file to apply.
	BlueprintPath string
	// Nonce goes into the End event.
	Nonce string
	// Bundle is a file whose removal cancels the run; empty for none.
	Bundle string
	// Run names the Packer run: its blocks share it.
	Run string
	// Archive is the Ruby archive's path; empty when there is none.
	Archive string
	// Offers are the Rubies that the build machine could upload, and KeepRuby
	// says that it wants to have those that are built here.
	Offers   []rubypack.Offer
	KeepRuby bool
	// Tool is the path of the running host tool.
	Tool string
	// Out gets the events.
	Out io.Writer
}

// errCancelled ends a run between two steps.
var errCancelled = errors.New("cancelled: the build was stopped, and so was this run, between two steps. Run the build again: what is done stays done")

// run is a Request under way.
type run struct {
	Request
	ev   *event.Writer
	text []byte
	b    *blueprint.Blueprint
	// system writes as root.
	system *tree.Tree
	// byRoot and byUser are the blueprint's entries, by whose rights make them.
	byRoot, byUser []blueprint.Entry
	before         history
	// wanted are the packages that are there in the end.
	wanted []string
}

// step is one part of a run. Its problems are joined into one error.
type step struct {
	name string
	do   func(context.Context) error
}

// Run applies the blueprint and tells of it in events. It reports whether all
// went well; the last event is End. ctx cancels between steps.
func Run(ctx context.Context, q Request) bool {
	r := &run{Request: q, ev: event.NewWriter(q.Out, q.Nonce)}
	err := r.all(ctx)
	for _, problem := range flatten(err) {
		r.ev.Problem(problem.Error())
	}
	r.ev.End(err == nil)
	return err == nil
}

func (r *run) all(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("not root but uid %d: users, packages and system units are root's to write; log in as root, or let the build's user run sudo without a password", os.Geteuid())
	}
	unlock, err := lock(r.Host)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.open(); err != nil {
		return err
	}
	for _, s := range r.steps() {
		// Before the check: it finds out whether anybody still listens.
		r.ev.Step(s.name)
		if err := r.cancelled(ctx); err != nil {
			return err
		}
		if err := s.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) steps() []step {
	steps := []step{
		{"preflight: can this host become what the blueprint says?", r.preflight},
		{"packages", r.packages},
		{"user " + r.b.User.Name, r.user},
		{"host tool", r.tool},
		{"system files", r.systemFiles},
		{"files of " + r.b.User.Name, r.userFiles},
	}
	if r.b.Ruby != nil {
		steps = append(steps, step{"ruby " + strings.Join(r.b.Ruby.Versions(), ", "), r.ruby})
	}
	return append(steps,
		step{"what the last blueprint had and this one has not", r.prune},
		step{"record", r.record},
		step{"verify", r.verify},
	)
}

func (r *run) open() error {
	var err error
	if r.text, err = os.ReadFile(r.BlueprintPath); err != nil {
		return err
	}
	if r.b, err = blueprint.Decode(r.text); err != nil {
		return err
	}
	// Its one byte form, however the file is laid out.
	if r.text, err = r.b.Encode(); err != nil {
		return err
	}
	r.system = systemTree(r.Host, r.b.User)
	if r.wanted, err = wantedPackages(r.Host, r.b); err != nil {
		return err
	}
	r.before, err = readHistory(r.Host)
	return err
}

// systemTree is how root writes.
func systemTree(h host.Host, user blueprint.User) *tree.Tree {
	return &tree.Tree{
		Root: h.Root, Guarded: true,
		Self: tree.ID{UID: os.Geteuid(), GID: os.Getegid()},
		User: tree.ID{UID: user.UID, GID: user.GID},
	}
}

// cancelled tells whether nobody waits for the run any more. A cancelled
// Packer may close the connection before the plugin has taken the bundle away.
func (r *run) cancelled(ctx context.Context) error {
	if ctx.Err() != nil || r.ev.Lost() {
		return errCancelled
	}
	if r.Bundle == "" {
		return nil
	}
	if _, err := os.Lstat(r.Bundle); err != nil {
		return errCancelled
	}
	return nil
}

// told passes changes on as events; what is in the way is the error.
func (r *run) told(result tree.Result, err error) error {
	for _, change := range result.Changes {
		r.ev.Changed(change.Path)
	}
	return errors.Join(problems(result.Problems), err)
}

func problems(texts []string) error {
	errs := make([]error, 0, len(texts))
	for _, text := range texts {
		errs = append(errs, errors.New(text))
	}
	return errors.Join(errs...)
}

// flatten undoes errors.Join, so that each problem is an event of its own. It
// looks at the error itself, not at what is wrapped deeper.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
