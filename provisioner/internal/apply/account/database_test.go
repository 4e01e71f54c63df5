package account

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/bash\n\n# a comment:x:1:1:::\n+nis::0:0:::\nshort:x:1\nbad:x:-1:1:::\nbig:x:4294967296:1:::\nlast:x:5:6:Last,,,:/l:"
	want := []User{{Name: "root", Home: "/root", Shell: "/bin/bash"}, {Name: "last", UID: 5, GID: 6, Home: "/l"}}
	if diff := cmp.Diff(want, ParsePasswd(passwd)); diff != "" {
		t.Error(diff)
	}
	groups := []Group{{Name: "a", GID: 1}, {Name: "b", GID: 2, Members: []string{"x", "y"}}}
	if diff := cmp.Diff(groups, ParseGroup("a:x:1:\nb:x:2:x,,y\nc:x:nan:\n-d:x:3:\n")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"a": "!*"}, ParseShadow("a:!*:1::::::\nb:short\n")); diff != "" {
		t.Error(diff)
	}
}

// Whatever is in the files: every name is one, and no line makes two records.
func FuzzParse(f *testing.F) {
	f.Add("root:x:0:0:root:/root:/bin/bash\nroot:x:0:\nroot:*:1::::::\n")
	f.Add("::::::\n:::\n::::::::\n+:x:0:0:::\n\x00:x:1:1:::")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		users, groups, passwords := ParsePasswd(text), ParseGroup(text), ParseShadow(text)
		if len(users)+len(groups)+len(passwords) > lines {
			t.Errorf("%d lines give %d records", lines, len(users)+len(groups)+len(passwords))
		}
		for _, u := range users {
			if u.Name == "" || u.UID < 0 || u.GID < 0 || strings.ContainsAny(u.Name+u.Home+u.Shell, ":\n") {
				t.Errorf("user %+v", u)
			}
		}
		for _, g := range groups {
			if g.Name == "" || g.GID < 0 || strings.ContainsAny(g.Name, ":\n") {
				t.Errorf("group %+v", g)
			}
		}
	})
}
