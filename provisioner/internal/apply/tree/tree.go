// Package tree brings directories, files and links to the state that a
// blueprint wants, or only tells how they differ from it. Root and the deploy
// user run the same code, each with their own rights.
package tree

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// ID is a numeric user and group.
type ID struct {
	UID int `json:"uid"`
	GID int `json:"gid"`
}

// Tree is one root directory and the one who writes below it.
type Tree struct {
	// Root is "/" except in tests.
	Root string
	// Self is who runs this process: it owns blueprint.Root entries and missing parents.
	Self ID
	// User owns blueprint.DeployUser entries.
	User ID
	// Guarded is for root: parents that are links, or that belong to anybody
	// but Self, are refused, so that nobody can lead root astray
	// (CVE-2017-18925, CVE-2018-6954). Without it links are followed.
	Guarded bool
}

// Mode says what to do with entries.
type Mode string

// The modes.
const (
	// Write makes entries as they should be.
	Write Mode = "write"
	// Check only tells what Write would change.
	Check Mode = "check"
	// Remove removes entries: directories only when empty, and nothing of another kind.
	Remove Mode = "remove"
)

// Result is what was done, or in Check what would be.
type Result struct {
	Changes []Change `json:"changes,omitempty"`
	// Problems each name a path, what is in the way, and what to do.
	Problems []string `json:"problems,omitempty"`
}

// Change is one path and how it differed.
type Change struct {
	Path string `json:"path"`
	What string `json:"what"`
}

func (r *Result) add(entryPath, what string) {
	r.Changes = append(r.Changes, Change{Path: entryPath, What: what})
}

// missing is how a path that is not there differs from one that should be.
const missing = "missing"

// Do brings entries, parents first, to mode's end. It goes on after a problem
// with one entry, so that all are told at once, but for those that only follow
// from it.
func (t *Tree) Do(mode Mode, entries []blueprint.Entry) Result {
	var r Result
	var failed string
	dirty := map[string]bool{}
	for i := range entries {
		e := entries[i]
		if mode == Remove {
			e = entries[len(entries)-1-i]
		}
		if failed != "" && strings.HasPrefix(e.Path, failed+"/") {
			continue
		}
		before := len(r.Changes)
		if err := t.one(mode, e, &r); err != nil {
			r.Problems = append(r.Problems, err.Error())
			failed = e.Path
		}
		if mode != Check && len(r.Changes) > before {
			dirty[path.Dir(e.Path)] = true
		}
	}
	for dir := range dirty {
		if err := t.syncDir(dir); err != nil {
			r.Problems = append(r.Problems, fmt.Sprintf("%s: fsync: %v", dir, err))
		}
	}
	return r
}

func (t *Tree) one(mode Mode, e blueprint.Entry, r *Result) error {
	dir, err := t.openDir(path.Dir(e.Path), mode == Write, r)
	if errors.Is(err, unix.ENOENT) {
		if mode == Check {
			r.add(e.Path, missing)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.Path, err)
	}
	defer unix.Close(dir)

	at := place{dir: dir, name: path.Base(e.Path)}
	if mode == Remove {
		return t.remove(at, e, r)
	}
	diff, err := at.differs(e, t.id(e.Owner))
	if err != nil {
		return fmt.Errorf("%s: %w", e.Path, err)
	}
	if diff == "" {
		return nil
	}
	if mode == Write {
		if err := at.write(e, t.id(e.Owner)); err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
	}
	r.add(e.Path, diff)
	return nil
}

func (t *Tree) id(owner blueprint.Owner) ID {
	if owner == blueprint.DeployUser {
		return t.User
	}
	return t.Self
}

func (t *Tree) remove(at place, e blueprint.Entry, r *Result) error {
	kind, err := at.kind()
	if err != nil || kind != e.Kind {
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
		return nil
	}
	flags := 0
	if kind == blueprint.Dir {
		flags = unix.AT_REMOVEDIR
	}
	err = unix.Unlinkat(at.dir, at.name, flags)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.EBUSY) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: cannot remove what the blueprint no longer has: %w", e.Path, err)
	}
	r.add(e.Path, "removed")
	return nil
}
