package apt

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
)

func write(t *testing.T, h host.Host, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.Path(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.Path(path), []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func TestObstacle(t *testing.T) {
	for _, tt := range []struct{ name, programs, want string }{
		{"debian", "apt-get dpkg-query", ""},
		{"fedora", "dnf rpm", "package manager is dnf"},
		{"alpine", "apk", "package manager is apk"},
		{"an apt on rpm", "apt-get dnf", "package manager is dnf"},
		{"nothing known", "", "no apt-get and dpkg-query"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := host.Host{Root: t.TempDir()}
			for _, program := range strings.Fields(tt.programs) {
				write(t, h, "/usr/bin/"+program, "", 0o755)
			}
			got := Obstacle(h)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	h := host.Host{Root: t.TempDir(), Run: func(host.Command) (host.Output, error) {
		return host.Output{Code: 1, Stdout: "ii \tmonit\tamd64\nrc \tpuma\tamd64\niU \truby\tall\niF \trake\tall\nit \tman-db\tamd64\nnonsense\n"}, nil
	}}
	got, err := Missing(h, []string{"man-db", "monit", "monit:amd64", "monit:i386", "nosuch", "puma", "rake", "ruby"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"monit:i386", "nosuch", "puma", "rake", "ruby"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestInstall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lists time.Duration // their age, 0 for none
		fails int           // how many installs
		want  string
		err   bool
	}{
		{name: "no lists", want: "dpkg update install"},
		{name: "old lists", lists: 100 * time.Hour, want: "dpkg update install"},
		{name: "fresh lists", lists: time.Minute, want: "dpkg install"},
		{name: "lists behind the mirror", lists: time.Minute, fails: 1, want: "dpkg install update install"},
		{name: "no such package", lists: time.Minute, fails: 2, want: "dpkg install update install", err: true},
		{name: "no such package, lists just fetched", fails: 2, want: "dpkg update install", err: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := host.Host{Root: t.TempDir()}
			write(t, h, policyPath, "theirs", 0o700)
			if tt.lists > 0 {
				write(t, h, "/var/lib/apt/lists/mirror_Packages", "", 0o644)
				when := time.Now().Add(-tt.lists)
				if err := os.Chtimes(h.Path("/var/lib/apt/lists"), when, when); err != nil {
					t.Fatal(err)
				}
			}
			var ran []string
			h.Run = func(c host.Command) (host.Output, error) {
				if text, _ := os.ReadFile(h.Path(policyPath)); !bytes.Equal(text, policy) {
					t.Errorf("%s runs while services may start", c.Args)
				}
				what := "dpkg"
				if c.Args[0] == "apt-get" {
					what = "update"
				}
				if strings.Contains(strings.Join(c.Args, " "), " install -- monit") {
					what = "install"
					tt.fails--
				}
				ran = append(ran, what)
				if what == "install" && tt.fails >= 0 {
					return host.Output{Code: 100, Text: "E: Unable to locate package monit"}, nil
				}
				return host.Output{}, nil
			}
			err := Install(h, []string{"monit"})
			if (err != nil) != tt.err || (err != nil && !strings.Contains(err.Error(), "E: Unable to locate")) {
				t.Errorf("error %v", err)
			}
			if got := strings.Join(ran, " "); got != tt.want {
				t.Errorf("ran %s, want %s", got, tt.want)
			}
			if text, _ := os.ReadFile(h.Path(policyPath)); string(text) != "theirs" {
				t.Errorf("the policy is %q afterwards", text)
			}
		})
	}
}

// A run may be killed at each of forbidStarts' and AllowStarts' steps; the next
// one's AllowStarts must find everything as it was before.
func TestPolicySurvivesKill(t *testing.T) {
	ours := string(policy)
	for _, tt := range []struct {
		name                string
		policy, kept, after string
	}{
		{name: "nothing there"},
		{name: "theirs alone", policy: "theirs", after: "theirs"},
		{name: "killed after setting aside", kept: "theirs", after: "theirs"},
		{name: "killed while ours was in place", policy: ours, kept: "theirs", after: "theirs"},
		{name: "ours where there was none", policy: ours},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := host.Host{Root: t.TempDir()}
			for path, content := range map[string]string{policyPath: tt.policy, keptPath: tt.kept} {
				if content != "" {
					write(t, h, path, content, 0o751)
				}
			}
			for range 2 {
				if err := AllowStarts(h); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(h.Path(policyPath))
			if string(text) != tt.after || (err == nil) != (tt.after != "") {
				t.Errorf("policy %q (%v), want %q", text, err, tt.after)
			}
			if _, err := os.Stat(h.Path(keptPath)); err == nil {
				t.Error("the kept policy stays")
			}
		})
	}
}

// apt-get update succeeds without a network, and apt-get install then blames the package.
func TestInstallWithoutNetwork(t *testing.T) {
	h := host.Host{Root: t.TempDir()}
	write(t, h, "/usr/sbin/unrelated", "", 0o755)
	h.Run = func(c host.Command) (host.Output, error) {
		switch line := strings.Join(c.Args, " "); {
		case strings.HasSuffix(line, "update"):
			return host.Output{Text: "Err:1 http://mirror stable InRelease\nReading package lists...\n" +
				"W: Failed to fetch http://mirror/dists/stable/InRelease  Temporary failure resolving 'mirror'\n" +
				"W: Some index files failed to download.\n"}, nil
		case strings.Contains(line, " install "):
			return host.Output{Code: 100, Text: "E: Unable to locate package monit"}, nil
		}
		return host.Output{}, nil
	}
	err := Install(h, []string{"monit"})
	for _, want := range []string{"could not be fetched", "Temporary failure resolving 'mirror'", "network", "Unable to locate package monit"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}
