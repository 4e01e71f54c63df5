package verify

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// examine makes an image with the given files, whose programs answer by answer.
func examine(t *testing.T, answer func(line string) (host.Output, error), files ...string) *image {
	t.Helper()
	h := host.Host{Root: t.TempDir(), Run: func(c host.Command) (host.Output, error) { return answer(strings.Join(c.Args, " ")) }}
	for _, file := range append(files, "/run/x") {
		if err := os.MkdirAll(filepath.Dir(h.Path(file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(h.Path(file), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &image{Host: h, b: &blueprint.Blueprint{User: blueprint.User{Name: "deploy", UID: 2000, GID: 2000, Home: "/home/deploy"}}}
}

func always(out host.Output, err error) func(string) (host.Output, error) {
	return func(string) (host.Output, error) { return out, err }
}

func expect(t *testing.T, got []string, want string) {
	t.Helper()
	if (want == "") != (len(got) == 0) || len(got) > 1 || (want != "" && !strings.Contains(got[0], want)) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSudo(t *testing.T) {
	for _, tt := range []struct {
		name, text       string
		err              error
		problem, warning string
	}{
		{name: "no right", text: "sudo: unable to resolve host x\nUser deploy is not allowed to run sudo on x.\n"},
		{name: "a right", text: "User deploy may run the following commands on x:\n    (ALL) NOPASSWD: ALL\n", problem: "NOPASSWD: ALL"},
		{name: "broken sudoers", text: "sudoers:3: syntax error", warning: "syntax error"},
		{name: "does not start", err: errors.New("exec format error"), warning: "exec format error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := examine(t, always(host.Output{Text: tt.text}, tt.err), "/usr/bin/sudo")
			i.sudo()
			expect(t, i.report.Problems, tt.problem)
			expect(t, i.report.Warnings, tt.warning)
		})
	}
}

func TestRuby(t *testing.T) {
	for _, tt := range []struct {
		name, version, lists string
		runs                 host.Output
		problem              string
	}{
		{name: "right", version: "3.3.6", lists: "3.1.2\n3.3.6\n", runs: host.Output{Stdout: "3.3.6"}},
		{name: "a build of it", version: "3.3.6-yjit", lists: "3.3.6-yjit\n", runs: host.Output{Stdout: "3.3.6"}},
		{name: "no MRI", version: "jruby-9.4.8.0", lists: "jruby-9.4.8.0\n", runs: host.Output{Stdout: "3.1.4"}},
		{name: "not listed", version: "3.3.6", lists: "3.1.2\n", problem: "lists [3.1.2], not 3.3.6"},
		{name: "another one", version: "3.3.6", lists: "3.3.6\n", runs: host.Output{Stdout: "3.3.5"}, problem: "is really 3.3.5"},
		{name: "a library missing", version: "3.3.6", lists: "3.3.6\n", runs: host.Output{Code: 1, Text: "psych: libyaml-0.so.2"}, problem: "libyaml-0.so.2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := examine(t, func(line string) (host.Output, error) {
				if strings.HasSuffix(line, "versions --bare") {
					return host.Output{Stdout: tt.lists}, nil
				}
				return tt.runs, nil
			})
			i.ruby(blueprint.Ruby{Version: tt.version, Root: "/usr/local/rbenv"})
			expect(t, i.report.Problems, tt.problem)
		})
	}
}

func TestMonit(t *testing.T) {
	fragment := blueprint.MonitDir + "/shop.conf"
	own := "include " + blueprint.MonitDir + "/*.conf\n"
	for _, tt := range []struct {
		name     string
		files    []string
		out      host.Output
		included string // in the control file, between Debian's and the id
		problem  string
	}{
		{name: "no app watched", files: []string{"/usr/bin/monit", monitControl}},
		{name: "before the first deploy", files: []string{"/usr/bin/monit", monitControl, fragment}, included: own},
		{name: "fragments already included", files: []string{"/usr/bin/monit", monitControl, fragment, blueprint.RunMonitDir + "/shop.conf"}},
		{name: "refused", files: []string{"/usr/bin/monit", monitControl}, out: host.Output{Code: 1, Text: "syntax error 'x'"}, problem: "syntax error 'x'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked, want := "", ""
			i := examine(t, func(line string) (host.Output, error) {
				control := strings.TrimPrefix(line, "monit -t -c ")
				dir := filepath.Dir(control)
				want = "include " + monitControl + "\n" + tt.included + "set idfile " + dir + "/id\nset statefile " + dir + "/state\n"
				text, err := os.ReadFile(control)
				asked = string(text)
				return tt.out, err
			}, tt.files...)
			i.monit()
			if diff := cmp.Diff(want, asked); diff != "" || asked == "" {
				t.Error(diff)
			}
			expect(t, i.report.Problems, tt.problem)
			if left, _ := filepath.Glob(i.Path("/run/deployhost-monit-check*")); len(left) > 0 {
				t.Errorf("leaves %v", left)
			}
		})
	}
	t.Run("no monit", func(t *testing.T) {
		i := examine(t, always(host.Output{}, errors.New("ran")), fragment)
		i.monit()
		expect(t, i.report.Problems, "")
	})
}

func TestAlertProgram(t *testing.T) {
	const program = "/usr/local/bin/page"
	for _, tt := range []struct {
		name             string
		mode             os.FileMode
		problem, warning string
	}{
		{name: "right", mode: 0o755},
		{name: "missing", warning: "there is no " + program},
		{name: "others may write", mode: 0o777, problem: "run code as root"},
		{name: "no program", mode: 0o644, problem: "not executable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := examine(t, nil)
			i.b.AlertProgram = program
			if tt.mode != 0 {
				i = examine(t, nil, program)
				i.b.AlertProgram = program
				for _, path := range []string{"", "/usr", "/usr/local", "/usr/local/bin"} {
					if err := os.Chmod(i.Path(path), 0o755); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Chmod(i.Path(program), tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			i.alertProgram()
			expect(t, i.report.Problems, tt.problem)
			expect(t, i.report.Warnings, tt.warning)
		})
	}
}

func TestSystemUnits(t *testing.T) {
	for _, tt := range []struct {
		name             string
		out              host.Output
		err              error
		problem, warning string
	}{
		{name: "right"},
		{name: "another unit's fault", out: host.Output{Code: 0, Text: "other.service: Unknown key"}},
		{name: "wrong", out: host.Output{Code: 1, Text: "a.service: Command /x is not executable"}, problem: "/x is not executable"},
		{name: "cannot tell", out: host.Output{Code: 1, Text: "Failed to initialize manager"}, warning: "Failed to initialize manager"},
		{name: "not there", err: os.ErrNotExist, warning: "could not check"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var line string
			i := examine(t, func(l string) (host.Output, error) { line = l; return tt.out, tt.err })
			for _, path := range []string{systemDir + "/a.service", systemDir + "/b.path", systemDir + "/user@1.service.d/c.conf", "/home/deploy/d.service"} {
				i.b.Entries = append(i.b.Entries, blueprint.Entry{Path: path, Kind: blueprint.File})
			}
			i.systemUnits()
			if diff := cmp.Diff("systemd-analyze verify --man=no "+systemDir+"/a.service "+systemDir+"/b.path", line); diff != "" {
				t.Error(diff)
			}
			expect(t, i.report.Problems, tt.problem)
			expect(t, i.report.Warnings, tt.warning)
		})
	}
}
