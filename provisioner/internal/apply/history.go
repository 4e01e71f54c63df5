package apply

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/asuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

const (
	stateDir = "/var/lib/deployhost"
	// buildPath tells a later block of the same Packer run that this one was here.
	buildPath = stateDir + "/build.json"
	// pendingPath is the blueprint that a run began to write and, if the file is
	// still there, did not finish.
	pendingPath = stateDir + "/pending.json"
)

// build is buildPath's content.
type build struct {
	Run    string `json:"run"`
	SHA256 string `json:"blueprint_sha256"`
}

// history is what earlier runs left.
type history struct {
	build build
	// applied and pending are nil when there is none.
	applied, pending *blueprint.Blueprint
}

func readHistory(h host.Host) (history, error) {
	var past history
	text, err := os.ReadFile(h.Path(buildPath))
	if err == nil {
		err = json.Unmarshal(text, &past.build)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return past, fmt.Errorf("%s: %w: remove it, if no other build is at work on this host", buildPath, err)
	}
	if past.applied, err = readBlueprint(h, blueprint.Path); err != nil {
		return past, err
	}
	past.pending, err = readBlueprint(h, pendingPath)
	return past, err
}

func readBlueprint(h host.Host, path string) (*blueprint.Blueprint, error) {
	text, err := os.ReadFile(h.Path(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no file, no blueprint
	}
	if err != nil {
		return nil, err
	}
	b, err := blueprint.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("%s, left by an earlier run: %w: start from an image that it has not touched, or remove the file and what it made", path, err)
	}
	return b, nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// obstacle is a second block of one build: it would remove what the first one made.
func (past history) obstacle(run string, text []byte) []string {
	if run == "" || past.build.Run != run || past.build.SHA256 == digest(text) {
		return nil
	}
	return []string{"this build has another deployhost block that was applied to this host before; each block describes the whole host, " +
		"so this one would remove the first one's apps: merge both into one provisioner \"deployhost\" block (app blocks can be repeated)"}
}

// begin notes what is going to be written, so that a later run with another
// blueprint can remove it even if this one is killed.
func (r *run) begin() error {
	if r.before.applied != nil && r.before.pending == nil && same(r.before.applied, r.b) {
		return nil
	}
	if r.before.pending != nil && !same(r.before.pending, r.b) {
		// Remove what only the unfinished one has, before its note is overwritten.
		if err := r.pruneOf(r.before.pending); err != nil {
			return err
		}
	}
	return problems(r.system.Do(tree.Write, []blueprint.Entry{stateFile(stateDir, ""), stateFile(pendingPath, string(r.text))}).Problems)
}

func same(a, b *blueprint.Blueprint) bool {
	aText, aErr := a.Encode()
	bText, bErr := b.Encode()
	return aErr == nil && bErr == nil && bytes.Equal(aText, bText)
}

// prune removes what the last blueprint had and this one has not.
func (r *run) prune(context.Context) error {
	if r.before.applied == nil {
		return nil
	}
	return r.pruneOf(r.before.applied)
}

// pruneOf removes with the rights of each entry's owner, as the old blueprint
// names it, and the user's part first: it may lie in directories of root's.
func (r *run) pruneOf(old *blueprint.Blueprint) error {
	byRoot, byUser := gone(r.Host, old, r.b)
	user := old.User
	user.Groups = nil // may not exist any more, and give nothing that is needed here
	if err := r.told(asuser.Do(r.Host, user, tree.Remove, byUser)); err != nil {
		return err
	}
	return r.told(systemTree(r.Host, old.User).Do(tree.Remove, byRoot), nil)
}

// gone are old's entries that are not in now, by whose right it is to remove them.
func gone(h host.Host, old, now *blueprint.Blueprint) (byRoot, byUser []blueprint.Entry) {
	kept := map[string]bool{old.User.Home: true, now.User.Home: true}
	for _, e := range now.Entries {
		kept[e.Path] = true
	}
	for _, e := range old.Entries {
		switch {
		case kept[e.Path]:
		case e.Owner == blueprint.Root || nearestOwner(h, path.Dir(e.Path)) != old.User.UID:
			byRoot = append(byRoot, e)
		default:
			byUser = append(byUser, e)
		}
	}
	return byRoot, byUser
}

// record makes this blueprint the applied one. Only that counts as a change:
// the rest is about runs, not about the image.
func (r *run) record(context.Context) error {
	applied := stateFile(blueprint.Path, string(r.text))
	applied.Mode = 0o644
	if err := r.told(r.system.Do(tree.Write, []blueprint.Entry{applied}), nil); err != nil {
		return err
	}
	note, err := json.Marshal(build{Run: r.Run, SHA256: digest(r.text)})
	if err != nil {
		return err
	}
	written := r.system.Do(tree.Write, []blueprint.Entry{stateFile(stateDir, ""), stateFile(buildPath, string(note)+"\n")})
	removed := r.system.Do(tree.Remove, []blueprint.Entry{stateFile(pendingPath, "")})
	return errors.Join(problems(written.Problems), problems(removed.Problems))
}

func stateFile(path, content string) blueprint.Entry {
	if path == stateDir {
		return blueprint.Entry{Path: path, Kind: blueprint.Dir, Owner: blueprint.Root, Mode: 0o755}
	}
	return blueprint.Entry{Path: path, Kind: blueprint.File, Owner: blueprint.Root, Mode: 0o644, Content: content}
}
