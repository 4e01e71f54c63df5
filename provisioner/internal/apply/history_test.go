package apply

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// apply does the file part of a run, and stops before the named step.
func applyFiles(t *testing.T, r *run, before string) {
	t.Helper()
	r.byRoot = r.b.Entries
	ctx := context.Background()
	for _, s := range []struct {
		name string
		do   func() error
	}{
		{"files", func() error { return r.systemFiles(ctx) }},
		{"prune", func() error { return r.prune(ctx) }},
		{"record", func() error { return r.record(ctx) }},
	} {
		if s.name == before {
			return
		}
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
}

func TestPruneRemovesOnlyWhatWasOurs(t *testing.T) {
	h := debian(t)
	applyFiles(t, newRun(t, h, plan(file("/etc/app/a"), file("/etc/app/b"))), "")
	put(t, h, "/etc/app/theirs", "")
	r := newRun(t, h, plan(file("/etc/app/b"), file("/etc/app/c")))
	applyFiles(t, r, "")
	if diff := cmp.Diff("b c theirs", listing(t, h.Path("/etc/app"))); diff != "" {
		t.Error(diff)
	}
	again := newRun(t, h, r.b)
	applyFiles(t, again, "")
	if again.ev.Changes() != 0 {
		t.Errorf("%d changes the second time", again.ev.Changes())
	}
}

// What a killed run has written must go, too, although it was never recorded.
func TestPruneKnowsKilledRuns(t *testing.T) {
	h := debian(t)
	applyFiles(t, newRun(t, h, plan(file("/etc/app/a"))), "")
	applyFiles(t, newRun(t, h, plan(file("/etc/app/killed"))), "prune")
	applyFiles(t, newRun(t, h, plan(file("/etc/app/new"))), "")
	if diff := cmp.Diff("new", listing(t, h.Path("/etc/app"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("build.json", listing(t, h.Path(stateDir))); diff != "" {
		t.Error(diff)
	}
}

func TestSecondBlockOfOneBuild(t *testing.T) {
	h := debian(t)
	first := newRun(t, h, plan(file("/etc/a")))
	applyFiles(t, first, "")
	second := newRun(t, h, plan(file("/etc/b")))
	for _, tt := range []struct {
		name string
		r    *run
		id   string
		want int
	}{
		{"the same block again", newRun(t, h, first.b), "run-1", 0},
		{"another block", second, "run-1", 1},
		{"another build", second, "run-2", 0},
		{"a run by hand", second, "", 0},
	} {
		if got := tt.r.before.obstacle(tt.id, tt.r.text); len(got) != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

func TestBrokenHistoryIsTold(t *testing.T) {
	for _, path := range []string{blueprint.Path, buildPath, pendingPath} {
		h := debian(t)
		put(t, h, path, "no JSON")
		if _, err := readHistory(h); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return strings.Join(names, " ")
}
