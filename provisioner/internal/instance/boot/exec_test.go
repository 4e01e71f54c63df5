package boot

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

func execFrom(program string) instance.From { return instance.From{Kind: instance.Exec, Arg: program} }

// TestOnlyRootsProgramsRun has one thing wrong in each case.
func TestOnlyRootsProgramsRun(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(root string, h *Host) error
		want   string
	}{
		"sound":               {func(string, *Host) error { return nil }, ""},
		"group writes":        {func(root string, _ *Host) error { return os.Chmod(root+"/opt/bin/value", 0o775) }, "/opt/bin/value can be changed"},
		"others write":        {func(root string, _ *Host) error { return os.Chmod(root+"/opt/bin/value", 0o757) }, "/opt/bin/value can be changed"},
		"a directory":         {func(root string, _ *Host) error { return os.Chmod(root+"/opt/bin", 0o775) }, "/opt/bin can be changed"},
		"one above":           {func(root string, _ *Host) error { return os.Chmod(root+"/opt", 0o777|os.ModeSticky) }, "/opt can be changed"},
		"the root directory":  {func(root string, _ *Host) error { return os.Chmod(root, 0o777) }, "/ can be changed"},
		"another owner":       {func(_ string, h *Host) error { h.RootUID++; return nil }, "/ can be changed"},
		"not executable":      {func(root string, _ *Host) error { return os.Chmod(root+"/opt/bin/value", 0o644) }, "not executable"},
		"gone":                {func(root string, _ *Host) error { return os.Remove(root + "/opt/bin/value") }, "there is no /opt/bin/value"},
		"a link":              {linked("/opt/bin/value"), "/opt/bin/value is a symbolic link"},
		"a link to a program": {linked("/opt/bin"), "/opt/bin is a symbolic link"},
		"no file": {func(root string, _ *Host) error {
			return errors.Join(os.Remove(root+"/opt/bin/value"), os.Mkdir(root+"/opt/bin/value", 0o755))
		}, "no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, &txtar.Archive{})
			m.put(t, "/opt/bin/value", "#!prints\nx\n")
			if err := tc.change(m.host.Users.Root, &m.host); err != nil {
				t.Fatal(err)
			}
			value, err := execSource{host: m.host, user: baseRules().User}.lookup(t.Context(), execFrom("/opt/bin/value"))
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) || err == nil && value != "x" {
				t.Errorf("%q, %v; want %q", value, err, tc.want)
			}
		})
	}
}

// linked moves a file away and puts a link to it in its place.
func linked(at string) func(root string, h *Host) error {
	return func(root string, _ *Host) error {
		moved := filepath.Join(root, "moved")
		return errors.Join(os.Rename(root+at, moved), os.Symlink(moved, root+at))
	}
}

// TestWhatProgramsPrintKeepsTheRulesOfValues is about text that would break
// more than its own value, with programs that are allowed to print it.
func TestWhatProgramsPrintKeepsTheRulesOfValues(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("x", systemd.MaxEnvValue)
	for text, want := range map[string]string{
		"a\x00b": "NUL", "a\xff": "not UTF-8", "\ufffe": "noncharacter", full + "y": "8193 bytes", full + "\n": "", "a\n": "",
	} {
		m := newMachine(t, &txtar.Archive{})
		m.put(t, "/opt/value", "#!prints\n"+text)
		rules := baseRules()
		rules.Values = []instance.Value{{Name: "VALUE", From: "exec:/opt/value", Required: true}}
		d := decide(t.Context(), &rules, sources{programs: execSource{host: m.host, user: rules.User}})
		if (len(d.problems) == 0) != (want == "") || want != "" && !strings.Contains(d.problems[0], want) {
			t.Errorf("%.10q: %q, want %q", text, d.problems, want)
		}
	}
}

func TestProgramEndsBeforeTheHookDoes(t *testing.T) {
	t.Parallel()
	m := newMachine(t, &txtar.Archive{})
	m.put(t, "/opt/value", "#!prints\n")
	m.host.RunProgram = func(ctx context.Context, _ deployuser.Program) (string, error) {
		<-ctx.Done()
		return "", errors.New("told by the program's own runner")
	}
	ctx, cancel := context.WithTimeout(t.Context(), killTime+50*time.Millisecond)
	defer cancel()
	_, err := sources{programs: execSource{host: m.host, user: baseRules().User}}.lookup(ctx, execFrom("/opt/value"))
	if err == nil || !strings.Contains(err.Error(), "told by the program's own runner") {
		t.Error(err)
	}
}
