// Package asuser does things with the deploy user's rights. Everything below
// the user's home is written that way, so that root never follows a path that
// the user could have replaced.
package asuser

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/account"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Verb is the host tool's command that calls Serve.
const Verb = "write-as-user"

// job is what root hands to the process with the user's rights.
type job struct {
	Mode    tree.Mode         `json:"mode"`
	ID      tree.ID           `json:"id"`
	Entries []blueprint.Entry `json:"entries"`
}

// Do brings entries to mode's end in a process of its own. It starts
// blueprint.ToolPath rather than /proc/self/exe: that works with no /proc, and
// whatever the mode of the directory that the running tool was unpacked in.
func Do(h host.Host, user blueprint.User, mode tree.Mode, entries []blueprint.Entry) (tree.Result, error) {
	if len(entries) == 0 {
		return tree.Result{}, nil
	}
	input, err := json.Marshal(job{Mode: mode, ID: tree.ID{UID: user.UID, GID: user.GID}, Entries: entries})
	if err != nil {
		return tree.Result{}, err
	}
	c, err := Command(h, user, blueprint.ToolPath, Verb)
	if err != nil {
		return tree.Result{}, err
	}
	c.Stdin = input
	out, err := h.Do(c)
	if err != nil {
		return tree.Result{}, fmt.Errorf("as user %s: %w", user.Name, err)
	}
	var result tree.Result
	if err := json.Unmarshal([]byte(out.Stdout), &result); err != nil {
		return tree.Result{}, fmt.Errorf("as user %s: %s answered no JSON: %w", user.Name, Verb, err)
	}
	return result, nil
}

// Serve is the other end of Do, in the process with the user's rights.
func Serve(in io.Reader, out io.Writer) error {
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return fmt.Errorf("%s reads its work from apply as JSON: %w", Verb, err)
	}
	// Links are followed here: where they lead, the user's own rights hold.
	t := tree.Tree{Root: "/", Self: j.ID, User: j.ID}
	return json.NewEncoder(out).Encode(t.Do(j.Mode, j.Entries))
}

// Command is a program run as the user with nothing of our environment.
func Command(h host.Host, user blueprint.User, args ...string) (host.Command, error) {
	groups, err := account.GroupIDs(h, user.Groups)
	if err != nil {
		return host.Command{}, err
	}
	return host.Command{
		Args: args,
		Env:  []string{"HOME=" + user.Home, "USER=" + user.Name, "LOGNAME=" + user.Name},
		As:   &host.Credential{UID: user.UID, GID: user.GID, Groups: groups},
	}, nil
}
