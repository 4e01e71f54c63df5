package boot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

var update = flag.Bool("update", false, "write what the cases give into them")

// TestCases runs the hook on each testdata/*.txtar. A case holds
//
//	rules.json  what differs from baseRules
//	root/…      files of the instance; root/etc/passwd has the baked user unless given; what begins with #! is
//	            executable, and runs as runProgram says
//	imds        what EC2's metadata service holds: on each line a path below /latest/ and its value
//	monit-link  instead of the hook, run `deployhost monit-link` for the app named here; monit refuses any file that
//	            holds "syntax error"
//	want        all that lies below /run/deployhost* afterwards, and the commands that were run
func TestCases(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m := newMachine(t, archive)
			if app := m.extra["monit-link"]; app != "" {
				err = LinkMonit(t.Context(), m.host, strings.TrimSpace(app))
			} else {
				_, err = Run(t.Context(), m.host)
			}
			if err != nil {
				t.Fatal(err)
			}
			m.checkLog(t)
			got := m.dump(t)
			if *update {
				setWant(t, file, archive, got)
			}
			if diff := cmp.Diff(m.extra["want"], got); diff != "" && !*update {
				t.Error(diff)
			}
		})
	}
}

// machine is an instance in a directory.
type machine struct {
	host     Host
	groups   map[uint64]int // by inode
	commands []string
	log      bytes.Buffer
	extra    map[string]string
}

func baseRules() instance.Rules {
	return instance.Rules{
		Format: instance.Format,
		User:   blueprint.User{Name: "deploy", UID: 2000, GID: 2001, Home: "/home/deploy", Shell: "/bin/bash"},
		Cloud:  "auto", TimeoutSeconds: 15,
		Apps: []instance.AppRules{{
			Name: "shop", Current: "/home/deploy/apps/shop/current", Target: "shop.target",
			Units: []string{"shop_puma_production.service"}, Monit: true,
		}},
	}
}

// monitReads refuses each file that holds "syntax error".
func monitReads(root string) error {
	files, err := filepath.Glob(root + "/etc/monit/conf.d/*")
	if err != nil {
		return err
	}
	links, err := filepath.Glob(root + blueprint.RunMonitDir + "/*")
	if err != nil {
		return err
	}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			return err
		}
		files = append(files, root+target)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || strings.Contains(string(text), "syntax error") {
			return errors.Join(err, errors.New("monit refuses "+filepath.Base(file)))
		}
	}
	return nil
}

func newMachine(t *testing.T, archive *txtar.Archive) *machine {
	t.Helper()
	m := &machine{groups: map[uint64]int{}, extra: map[string]string{}}
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	m.host = Host{
		Users: deployuser.Host{
			Root: root,
			HomeOwner: func(string) (int, error) {
				return 2000, nil
			},
			Run: func(_ context.Context, cmd deployuser.Command) (string, error) {
				who := "root"
				if cmd.As != nil {
					who = cmd.As.Name
				}
				m.commands = append(m.commands, who+": "+strings.Join(cmd.Args, " "))
				if cmd.Args[0] == "monit" {
					return "", monitReads(root)
				}
				return "", nil
			},
		},
		Machine: Machine{
			CPUs: func() int { return 4 }, MemInfo: root + "/proc/meminfo",
			Hostname:  func() (string, error) { return "web-1", nil },
			PrivateIP: func() (string, error) { return "10.0.0.5", nil },
		},
		RunProgram: runProgram,
		RootUID:    os.Getuid(),
		Chown: func(dir *os.Root, name string, gid int) error {
			info, err := dir.Lstat(name)
			if err == nil {
				m.groups[inode(t, info)] = gid
			}
			return err
		},
		Now: func() time.Time { return time.Unix(1e9, 0) },
		Log: &m.log,
	}
	m.host.Dial = imdsv2(nil).dial
	rules := baseRules()
	if err := os.Mkdir(m.host.Users.Path("/run"), 0o755); err != nil {
		t.Fatal(err)
	}
	m.put(t, "/etc/passwd", "deploy:x:2000:2001::/home/deploy:/bin/bash\n")
	m.put(t, "/etc/group", "root:x:0:\ndeploy:x:2001:\nsecrets:x:300:other,deploy\n")
	m.put(t, "/proc/meminfo", "MemTotal:        8039352 kB\nMemFree:         1 kB\n")
	m.put(t, blueprint.MonitDir+"/shop.conf", "")
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "root/"); ok {
			m.put(t, name, string(f.Data))
			continue
		}
		m.extra[f.Name] = string(f.Data)
	}
	if text := m.extra["imds"]; text != "" {
		m.host.Dial = imdsv2(pathValues(text)).dial
	}
	if text := m.extra["rules.json"]; text != "" {
		if err := json.Unmarshal([]byte(text), &rules); err != nil {
			t.Fatal(err)
		}
	}
	if !m.host.exists(blueprint.InstanceRulesPath) {
		data, err := json.Marshal(rules)
		if err != nil {
			t.Fatal(err)
		}
		m.put(t, blueprint.InstanceRulesPath, string(data))
	}
	return m
}

func pathValues(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		path, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		values[path] = value
	}
	return values
}

func (m *machine) put(t *testing.T, name, content string) {
	t.Helper()
	path := m.host.Users.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	mode := fs.FileMode(0o644)
	if strings.HasPrefix(content, "#!") {
		mode = 0o755
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// runProgram is what a case's programs do: "#!prints" what follows the line,
// "#!whoami" its rights, and anything else fails with that. The real runner's
// tests are its own.
func runProgram(_ context.Context, p deployuser.Program) (string, error) {
	text, err := os.ReadFile(p.Path)
	if err != nil {
		return "", err
	}
	line, rest, _ := strings.Cut(string(text), "\n")
	switch line {
	case "#!prints":
		return rest, nil
	case "#!whoami":
		return fmt.Sprintf("%s %d:%d %v\n", p.As.Name, p.As.UID, p.As.GID, p.Groups), nil
	}
	return "", errors.New(strings.TrimPrefix(line, "#!"))
}

// dump lists modes, groups and contents, and then the commands.
func (m *machine) dump(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, top := range []string{blueprint.RunDir, blueprint.RunMonitDir} {
		err := filepath.WalkDir(m.host.Users.Path(top), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Lstat(path)
			if err != nil {
				return err
			}
			name, _ := strings.CutPrefix(path, m.host.Users.Root)
			if info.Mode()&fs.ModeSymlink != 0 {
				target, err := os.Readlink(path)
				fmt.Fprintf(&out, "%s -> %s\n", name, target)
				return err
			}
			fmt.Fprintf(&out, "%s %04o root:%d\n", name, info.Mode().Perm(), m.groups[inode(t, info)])
			if info.IsDir() {
				return nil
			}
			data, err := os.ReadFile(path)
			for line := range strings.Lines(string(data)) {
				fmt.Fprintf(&out, "\t%s\n", strings.TrimSuffix(line, "\n"))
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	for _, c := range m.commands {
		fmt.Fprintf(&out, "ran as %s\n", c)
	}
	return out.String()
}

// checkLog looks for values, of which the log must hold none.
func (m *machine) checkLog(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile(m.host.Users.Path(instance.EnvFile("shop")))
	if err != nil {
		return
	}
	vars, err := systemd.DecodeEnvFile(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vars {
		if len(v.Value) >= 8 && strings.Contains(m.log.String(), v.Value) {
			t.Errorf("the log tells %s:\n%s", v.Name, m.log.String())
		}
	}
}

func inode(t *testing.T, info fs.FileInfo) uint64 {
	t.Helper()
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("no inode")
	}
	return stat.Ino
}

func setWant(t *testing.T, file string, archive *txtar.Archive, want string) {
	t.Helper()
	at := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
	if at < 0 {
		at = len(archive.Files)
		archive.Files = append(archive.Files, txtar.File{Name: "want"})
	}
	archive.Files[at].Data = []byte(want)
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
