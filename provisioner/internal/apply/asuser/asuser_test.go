package asuser

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// TestBothEnds lets Serve answer Do in this process.
func TestBothEnds(t *testing.T) {
	dir := t.TempDir()
	user := blueprint.User{Name: "deploy", UID: os.Getuid(), GID: os.Getgid(), Home: dir}
	h := host.Host{Root: dir, Run: func(c host.Command) (host.Output, error) {
		if c.As == nil || c.As.UID != user.UID || c.Args[0] != blueprint.ToolPath {
			t.Errorf("runs %+v", c)
		}
		var out bytes.Buffer
		err := Serve(bytes.NewReader(c.Stdin), &out)
		return host.Output{Stdout: out.String()}, err
	}}
	entries := []blueprint.Entry{{Path: dir + "/key", Kind: blueprint.File, Owner: blueprint.DeployUser, Mode: 0o600, Content: "k"}}
	got, err := Do(h, user, tree.Write, entries)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree.Result{Changes: []tree.Change{{Path: dir + "/key", What: "missing"}}}, got); diff != "" {
		t.Error(diff)
	}
	if got, err := Do(h, user, tree.Check, entries); err != nil || len(got.Changes) > 0 {
		t.Errorf("checked afterwards: %+v, %v", got, err)
	}
}

func TestDoTellsWhenTheProcessFails(t *testing.T) {
	for _, out := range []host.Output{{Code: 1, Text: "boom"}, {Stdout: "boom"}} {
		h := host.Host{Root: t.TempDir(), Run: func(host.Command) (host.Output, error) { return out, nil }}
		_, err := Do(h, blueprint.User{Name: "deploy"}, tree.Write, []blueprint.Entry{{Path: "/x"}})
		if err == nil || !strings.Contains(err.Error(), "as user deploy") {
			t.Errorf("%+v: %v", out, err)
		}
	}
}
