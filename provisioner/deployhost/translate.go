package deployhost

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/plan"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/problem"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/user"
)

// translator turns the schema into typed values and collects every mistake
// with its field's path. Reading the files that the configuration names is
// all it does outside of memory.
type translator struct {
	problem.List
	readFile func(string) ([]byte, error)
	ignores  []lint.Ignore
	// ignored are the rules among them that were met while translating.
	ignored []string
}

// newTranslator makes one. Strict refuses what Packer does not know yet,
// which Provision has to do and Prepare must not.
func newTranslator(strict bool) *translator {
	return &translator{List: problem.List{Strict: strict}, readFile: os.ReadFile}
}

// host translates everything that lands in the image.
func (t *translator) host(c *Config) plan.Host {
	var h plan.Host
	h.User = t.user(c.User)
	h.Ruby = t.ruby(c.Ruby)
	h.Apps = t.apps(c.Apps, h.User)
	h.Monit = t.monit(c.Monit)
	t.distinct(h.Apps)
	t.instance(c.Instance, &h)
	t.shadows(c)
	h.Packages = t.packages(c.Packages)
	t.capistrano(c.Capistrano, h.Apps)
	return h
}

func (t *translator) user(u *User) user.User {
	if u == nil {
		u = &User{}
	}
	out := user.User{
		Name:  problem.Parse(&t.List, "user.name", either(u.Name, "deploy"), user.ParseName),
		UID:   either(u.UID, 2000),
		Shell: problem.Parse(&t.List, "user.shell", either(u.Shell, "/bin/bash"), systemd.ParseSafePath),
	}
	out.GID = either(u.GID, out.UID)
	t.id("user.uid", out.UID)
	if u.GID != 0 {
		t.id("user.gid", u.GID)
	}
	out.Home = problem.Parse(&t.List, "user.home", either(u.Home, "/home/"+either(u.Name, "deploy")), systemd.ParseSafePath)
	if path.Dir(string(out.Home)) == "/" && out.Home != "" {
		t.Addf("user.home", "%q lies right below /: it would take a directory of the system over; write for example \"/home/deploy\"", out.Home)
	}
	for i, g := range u.Groups {
		out.Groups = append(out.Groups, problem.Parse(&t.List, fmt.Sprintf("user.groups[%d]", i), g, user.ParseGroup))
	}
	t.keys(u, &out)
	return out
}

func (t *translator) id(field string, id int) {
	if id < 1 || id >= 65534 {
		t.Addf(field, "%d is outside of 1 to 65533: 0 is root's and the last ones are nobody's; write for example 2000", id)
	}
}

func (t *translator) keys(u *User, out *user.User) {
	for i, line := range u.AuthorizedKeys {
		out.Keys = append(out.Keys, problem.Parse(&t.List, fmt.Sprintf("user.authorized_keys[%d]", i), line, user.ParseKey))
	}
	for i, name := range u.AuthorizedKeysFiles {
		field := fmt.Sprintf("user.authorized_keys_files[%d]", i)
		if text, ok := t.read(field, name); ok {
			out.Keys = append(out.Keys, problem.Parse(&t.List, field, text, user.ParseKeys)...)
		}
	}
	out.KeysIn = choice(t, "user.keys_in", u.KeysIn, user.KeysInHome, user.KeysInSystem)
}

// read gives a file's text. A name that is not known yet is no mistake.
func (t *translator) read(field, name string) (string, bool) {
	if !t.Known(name) {
		return "", false
	}
	data, err := t.readFile(name)
	if err != nil {
		t.Addf(field, "%w: paths are relative to the directory in which packer is started; write \"${path.root}/…\" for one beside the template", err)
		return "", false
	}
	return string(data), true
}

// duration reads for example "30s" within bounds that are whole seconds.
func (t *translator) duration(field, text string, fallback, low, high time.Duration) time.Duration {
	if text == "" || !t.Known(text) {
		return fallback
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < low || d > high {
		t.Addf(field, "%q is no time between %s and %s: write a number with a unit, for example %q", text, low, high, fallback)
		return fallback
	}
	return d
}

// choice reads one of a few words; the first is the default.
func choice[T ~string](t *translator, field, text string, words ...T) T {
	if text == "" {
		return words[0]
	}
	for _, w := range words {
		if T(text) == w && w != "" {
			return w
		}
	}
	if t.Known(text) {
		t.Addf(field, "%q is not among the words that are understood here: write one of %s", text, quoted(words))
	}
	return words[0]
}

func quoted[T ~string](words []T) string {
	out := ""
	for _, w := range words {
		if w == "" {
			continue
		}
		if out != "" {
			out += ", "
		}
		out += fmt.Sprintf("%q", string(w))
	}
	return out
}

// either is value, or fallback for a zero value.
func either[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// packages are names that dpkg allows (Debian Policy 5.6.1), so that none can
// be read as an option.
func (t *translator) packages(names []string) []string {
	for i, name := range names {
		if !packageName.MatchString(name) && t.Known(name) {
			t.Addf(fmt.Sprintf("packages[%d]", i), "%q is no package name: use lower-case letters, digits and \"+-.\", beginning with a letter or digit; for example \"libpq5\"", name)
		}
	}
	return names
}

var packageName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
