package lint

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// knownSystemd is the release whose words the cases hold below "verify".
const knownSystemd = "systemd 252 "

// TestAgainstSystemd holds each bad case of a user's units against what
// `systemd-analyze --user verify` says. Mostly that is nothing: the comment of
// the case and the rule's Why tell what happens then. Of good cases it must
// say nothing either.
func TestAgainstSystemd(t *testing.T) {
	t.Parallel()
	version, err := exec.Command("systemd-analyze", "--version").Output()
	if err != nil || !strings.HasPrefix(string(version), knownSystemd) {
		t.Skipf("the cases hold the words of %s", knownSystemd)
	}
	for _, r := range Rules() {
		for _, which := range []string{"bad", "good"} {
			name := filepath.Join("testdata", r.ID, which+".txtar")
			t.Run(r.ID+"/"+which, func(t *testing.T) {
				t.Parallel()
				a, err := txtar.ParseFile(name)
				if err != nil {
					t.Fatal(err)
				}
				got, ran := verify(t, a)
				switch {
				case !ran:
				case which == "bad" && *update:
					rewrite(t, name, a, "verify", got)
				case which == "good" && got != nothing:
					t.Errorf("systemd-analyze does not like the good case:\n%s", got)
				case which == "bad" && section(a, "verify") != got:
					t.Errorf("systemd-analyze (-want +got):\n%s", cmp.Diff(section(a, "verify"), got))
				}
			})
		}
	}
}

const nothing = "says nothing\n"

// notOurs is what systemd-analyze says of the machine it runs on.
var notOurs = regexp.MustCompile(`(?m)^.*(is not executable|man .*exists|Failed to (prepare filename|open)).*\n`)

// verify runs systemd-analyze over the user's units of a case; ran is false
// when it has none.
func verify(t *testing.T, a *txtar.Archive) (said string, ran bool) {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--user", "--man=no", "verify"}
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, "user/"); ok {
			at := filepath.Join(dir, name)
			if err := os.WriteFile(at, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
			args = append(args, at)
		}
	}
	if len(args) == 3 {
		return "", false
	}
	cmd := exec.Command("systemd-analyze", args...)
	cmd.Env = []string{"XDG_RUNTIME_DIR=" + t.TempDir(), "HOME=/home/deploy", "PATH=" + os.Getenv("PATH"), "LC_ALL=C", "SYSTEMD_LOG_COLOR=0"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	said = notOurs.ReplaceAllString(strings.ReplaceAll(string(out), dir+"/", ""), "")
	if said == "" {
		said = nothing
	}
	return said, true
}

// stopsMonit are the rules whose Why says so.
var stopsMonit = regexp.MustCompile(`stops all of monit`)

// TestAgainstMonit asks monit itself: it must refuse a bad case exactly when
// the rule says so, and take every good one.
func TestAgainstMonit(t *testing.T) {
	if _, err := exec.LookPath("monit"); err != nil {
		t.Skip("monit is not installed")
	}
	for _, r := range monitRules {
		for _, which := range []string{"bad", "good"} {
			t.Run(r.ID+"/"+which, func(t *testing.T) {
				a, err := txtar.ParseFile(filepath.Join("testdata", r.ID, which+".txtar"))
				if err != nil {
					t.Fatal(err)
				}
				out, err := runMonit(t, a)
				if refuses := err != nil; refuses != (which == "bad" && stopsMonit.MatchString(r.Why)) {
					t.Errorf("monit -t: %v\n%s", err, out)
				}
			})
		}
	}
}

// runMonit lets root and daemon stand for the deploy user, and adds the checks
// that other files have.
func runMonit(t *testing.T, a *txtar.Archive) (string, error) {
	t.Helper()
	known := decode[Known](t, section(a, "known.json"))
	text := "set daemon 30\n" + section(a, "monit/shop.conf")
	for _, name := range known.Checks {
		text += "\ncheck directory " + name + " with path /other\n"
	}
	for _, user := range known.Users {
		text = regexp.MustCompile(`(uid|gid) "?`+user+`"?`).ReplaceAllString(text, "$1 daemon")
	}
	at := filepath.Join(t.TempDir(), "monitrc")
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("monit", "-t", "-c", at).CombinedOutput()
	return string(out), err
}
