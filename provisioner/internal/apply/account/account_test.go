package account

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

const (
	basePasswd = "root:x:0:0:root:/root:/bin/bash\nwww:x:33:33::/var/www:/bin/false\n"
	baseGroup  = "root:x:0:\nsudo:x:27:\nwww:x:33:\nrender:x:106:\n"
	baseShadow = "root:*:19000:0:99999:7:::\nwww:*:19000:0:99999:7:::\n"
	adopted    = "deploy:x:2000:2000::/home/deploy:/bin/bash\n"
	itsGroup   = "deploy:x:2000:\n"
	itsShadow  = "deploy:*:19000:0:99999:7:::\n"
)

var deploy = blueprint.User{Name: "deploy", UID: 2000, GID: 2000, Home: "/home/deploy", Shell: "/bin/bash"}

// machine is a host of files whose programs are only noted.
func machine(t *testing.T, passwd, group, shadow string) (h host.Host, ran *[]string) {
	t.Helper()
	root := t.TempDir()
	for name, content := range map[string]string{"etc/passwd": passwd, "etc/group": group, "etc/shadow": shadow, "bin/bash": ""} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ran = &[]string{}
	return host.Host{Root: root, Run: func(c host.Command) (host.Output, error) {
		*ran = append(*ran, strings.Join(c.Args, " "))
		return host.Output{}, nil
	}}, ran
}

func TestObstacles(t *testing.T) {
	with := func(change func(*blueprint.User)) blueprint.User {
		user := deploy
		change(&user)
		return user
	}
	for _, tt := range []struct {
		name          string
		passwd, group string
		want          blueprint.User
		problems      []string // a part of each, in order
	}{
		{name: "new user", want: deploy},
		{name: "same user", passwd: adopted, group: itsGroup, want: deploy},
		{name: "uid taken", passwd: "web:x:2000:33::/:/bin/sh\n", want: deploy, problems: []string{"uid 2000 belongs to the user web"}},
		{name: "gid taken", group: "web:x:2000:\n", want: deploy, problems: []string{"gid 2000 belongs to the group web"}},
		{
			name: "another user of that name", passwd: "deploy:x:1000:1000::/srv/deploy:/bin/bash\n", group: "deploy:x:1000:\n", want: deploy,
			problems: []string{"set user.gid = 1000", "set user.uid = 1000", "set user.gid = 1000", `set user.home = "/srv/deploy"`},
		},
		{name: "in a group that gives root", passwd: adopted, group: itsGroup + "docker:x:998:ops,deploy\n", want: deploy, problems: []string{"user is in the group docker"}},
		{name: "in root's group by another name", passwd: adopted, group: itsGroup + "toor:x:0:deploy\n", want: deploy, problems: []string{"user is in the group toor"}},
		{name: "asked into sudo", want: with(func(u *blueprint.User) { u.Groups = []string{"sudo"} }), problems: []string{"user would be in the group sudo"}},
		{name: "no such group", want: with(func(u *blueprint.User) { u.Groups = []string{"redis", "render"} }), problems: []string{"the group redis does not exist"}},
		{name: "no such shell", want: with(func(u *blueprint.User) { u.Shell = "/bin/zsh" }), problems: []string{"the shell /bin/zsh is no program"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := machine(t, basePasswd+tt.passwd, baseGroup+tt.group, baseShadow)
			d, err := Load(h)
			if err != nil {
				t.Fatal(err)
			}
			problems := Obstacles(h, d, tt.want)
			if len(problems) != len(tt.problems) {
				t.Fatalf("%d problems, want %d: %q", len(problems), len(tt.problems), problems)
			}
			for i, part := range tt.problems {
				if !strings.Contains(problems[i], part) {
					t.Errorf("%q is not in %q", part, problems[i])
				}
			}
		})
	}
}

func TestEnsure(t *testing.T) {
	grouped := deploy
	grouped.Groups = []string{"render"}
	for _, tt := range []struct {
		name                  string
		passwd, group, shadow string
		want                  blueprint.User
		ran                   []string
		changed               []string
	}{
		{
			name: "new", want: grouped,
			ran: []string{
				"groupadd --gid 2000 deploy",
				"useradd --uid 2000 --gid 2000 --home-dir /home/deploy --no-create-home --shell /bin/bash --password * --groups render deploy",
			},
			changed: []string{"group deploy", "user deploy"},
		},
		{name: "as it should be", passwd: adopted, group: itsGroup, shadow: itsShadow, want: deploy},
		{name: "with a password of its own", passwd: adopted, group: itsGroup, shadow: "deploy:$6$x$y:1::::::\n", want: deploy},
		{
			name: "killed after groupadd", group: itsGroup, want: deploy,
			ran:     []string{"useradd --uid 2000 --gid 2000 --home-dir /home/deploy --no-create-home --shell /bin/bash --password * --groups  deploy"},
			changed: []string{"user deploy"},
		},
		{
			name: "killed before shadow", passwd: adopted, group: itsGroup, want: deploy,
			ran: []string{"pwconv", "usermod --password * deploy"}, changed: []string{"user deploy"},
		},
		{
			name: "locked", passwd: adopted, group: itsGroup, shadow: "deploy:!:1::::::\n", want: deploy,
			ran: []string{"usermod --password * deploy"}, changed: []string{"user deploy"},
		},
		{
			name: "shell and groups", passwd: strings.Replace(adopted, "/bin/bash", "/bin/sh", 1), group: itsGroup + "video:x:44:deploy\n", shadow: itsShadow, want: grouped,
			ran: []string{"usermod --shell /bin/bash --groups render deploy"}, changed: []string{"user deploy"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, ran := machine(t, basePasswd+tt.passwd, baseGroup+tt.group, baseShadow+tt.shadow)
			var changed []string
			if err := Ensure(h, tt.want, func(what string) { changed = append(changed, what) }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]string{}, tt.ran...), *ran); diff != "" {
				t.Errorf("ran (-want +have):\n%s", diff)
			}
			if diff := cmp.Diff(tt.changed, changed); diff != "" {
				t.Errorf("changed (-want +have):\n%s", diff)
			}
		})
	}
}

func TestDifferences(t *testing.T) {
	d := Database{
		Users:     ParsePasswd("deploy:x:2000:2000::/home/deploy:/bin/sh\n"),
		Groups:    ParseGroup("deploy:x:2000:\nlxd:x:101:deploy\n"),
		Passwords: ParseShadow("deploy:!:1::::::\n"),
	}
	problems := Differences(d, deploy)
	for i, part := range []string{"in the group lxd", "shell /bin/sh, not /bin/bash", "groups [lxd], not []", "locked"} {
		if i >= len(problems) || !strings.Contains(problems[i], part) {
			t.Fatalf("%q is not problem %d of %q", part, i, problems)
		}
	}
	if problems := Differences(Database{}, deploy); len(problems) != 1 {
		t.Errorf("a missing user gives %q", problems)
	}
}

func TestWithHome(t *testing.T) {
	b := &blueprint.Blueprint{User: deploy, Entries: []blueprint.Entry{{Path: "/etc/a"}, {Path: "/home/deploy/x"}, {Path: "/var/b"}}}
	var paths []string
	for _, e := range WithHome(b) {
		paths = append(paths, e.Path)
	}
	if diff := cmp.Diff([]string{"/etc/a", "/home/deploy", "/home/deploy/x", "/var/b"}, paths); diff != "" {
		t.Error(diff)
	}
	b.Entries = []blueprint.Entry{{Path: "/home/deploy", Mode: 0o700}}
	if got := WithHome(b); len(got) != 1 || got[0].Mode != 0o700 {
		t.Errorf("the blueprint's own home is lost: %+v", got)
	}
}
