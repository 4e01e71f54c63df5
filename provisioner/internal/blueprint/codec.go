package blueprint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Encode gives the blueprint's one byte form: indented JSON, in Sort's order, with a final newline.
func (b *Blueprint) Encode() ([]byte, error) {
	b.Sort()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(b); err != nil {
		return nil, fmt.Errorf("encode blueprint: %w", err)
	}
	return out.Bytes(), nil
}

// Decode reads what Encode wrote. Unknown fields, another Format and broken invariants are errors.
func Decode(data []byte) (*Blueprint, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var b Blueprint
	if err := dec.Decode(&b); err != nil {
		return nil, fmt.Errorf("decode blueprint: %w", err)
	}
	if b.Format != Format {
		return nil, fmt.Errorf("blueprint format %d, but this tool speaks %d: use the plugin and the host tool of one release", b.Format, Format)
	}
	if err := b.Validate(); err != nil {
		return nil, err
	}
	return &b, nil
}

// userName is what useradd(8) accepts everywhere.
var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// Validate checks the invariants that apply relies on; it returns all breaches joined.
// A breach is a bug of this plugin, never a user's mistake.
func (b *Blueprint) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf("blueprint: "+format, args...)) }
	if !userName.MatchString(b.User.Name) {
		fail("user name %q", b.User.Name)
	}
	if b.User.UID <= 0 || b.User.GID <= 0 {
		fail("uid %d, gid %d: both must be above 0", b.User.UID, b.User.GID)
	}
	if !cleanAbs(b.User.Home) || b.User.Home == "/" {
		fail("home %q", b.User.Home)
	}
	seen := map[string]Entry{}
	for i, e := range b.Entries {
		if _, dup := seen[e.Path]; dup {
			fail("%s twice", e.Path)
		}
		if i > 0 && b.Entries[i-1].Path > e.Path {
			fail("%s out of order", e.Path)
		}
		for dir := path.Dir(e.Path); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if p, ok := seen[dir]; ok && p.Kind != Dir {
				fail("%s lies below the %s %s", e.Path, p.Kind, dir)
			} else if ok && p.Owner == DeployUser && e.Owner == Root {
				fail("%s: root would write below the user's %s", e.Path, dir)
			}
		}
		if problem := e.problem(b.User.Home); problem != "" {
			fail("%s: %s", e.Path, problem)
		}
		seen[e.Path] = e
	}
	return errors.Join(errs...)
}

func (e Entry) problem(home string) string {
	below := e.Path == home || strings.HasPrefix(e.Path, home+"/")
	switch {
	case !cleanAbs(e.Path):
		return "not an absolute, clean path"
	case e.Owner != Root && e.Owner != DeployUser:
		return fmt.Sprintf("owner %q", e.Owner)
	case e.Owner == Root && below:
		return "root would write below the user's home"
	case e.Mode > 0o777:
		return "mode above 0777"
	case (e.Kind == File || e.Kind == Dir) && e.Mode == 0:
		return "no mode"
	case e.Kind == File && (!utf8.ValidString(e.Content) || strings.ContainsRune(e.Content, 0)):
		return "content is not UTF-8 text"
	case e.Kind == Link && (e.Target == "" || e.Mode != 0 || e.Content != ""):
		return "a link has a target and nothing else"
	case e.Kind != Link && e.Target != "", e.Kind == Dir && e.Content != "":
		return "has a field of another kind"
	case e.Kind != Dir && e.Kind != File && e.Kind != Link:
		return fmt.Sprintf("kind %q", e.Kind)
	}
	return ""
}

func cleanAbs(p string) bool {
	return path.IsAbs(p) && path.Clean(p) == p && !strings.ContainsRune(p, 0)
}
