//go:build acceptance && linux

package acceptance

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBakeTakesThreeSessions is about every run, changes or not.
func TestBakeTakesThreeSessions(t *testing.T) {
	t.Parallel()
	for i, run := range theBaked(t).runs {
		if run.Sessions != 3 {
			t.Errorf("run %d took %d SSH sessions, not 3", i+1, run.Sessions)
		}
	}
}

// TestRebakeChangesNothing measures the machine, not what the plugin says: a
// path counts when any of its stamps is another one.
func TestRebakeChangesNothing(t *testing.T) {
	t.Parallel()
	b := theBaked(t)
	if len(b.trees[0]) < 1000 {
		t.Fatalf("only %d files were looked at", len(b.trees[0]))
	}
	changed := b.trees[0].changes(b.trees[1])
	if len(changed) > 0 {
		t.Errorf("the second run changed\n%q", changed)
	}
	figure("rebake.changes", len(changed), "count")
}

func TestNativeAndJSONTemplatesGiveTheSameImage(t *testing.T) {
	t.Parallel()
	b := theBaked(t)
	if diff := cmp.Diff(b.blueprints[0], b.blueprints[2]); diff != "" {
		t.Errorf("blueprint (-HCL +JSON):\n%s", diff)
	}
	if changed := b.trees[1].changes(b.trees[2]); len(changed) > 0 {
		t.Errorf("the JSON template changed\n%q", changed)
	}
}

func TestBakeLeavesNothingOfItsUpload(t *testing.T) {
	t.Parallel()
	if left := theBaked(t).left; left != "" {
		t.Errorf("left behind:\n%s", left)
	}
}

func TestBakedImageVerifies(t *testing.T) {
	t.Parallel()
	if err := theBaked(t).verify.Check(); err != nil {
		t.Errorf("deployhost verify: %v", err)
	}
}
