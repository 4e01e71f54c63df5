package instance

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// MaxTimeoutSeconds is the longest that the hook may take: the deploy user's ssh login waits for it.
const MaxTimeoutSeconds = 60

// Clouds are what Rules.Cloud can be.
func Clouds() []string { return []string{"auto", "cloud-init", "ec2", "none"} }

// Validate checks all that can be known without an instance, and returns every
// breach, joined, each with its field's path.
func (r *Rules) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if r.User.Name == "" || r.User.UID <= 0 || r.User.GID <= 0 || !filepath.IsAbs(r.User.Home) {
		fail("instance rules: the user needs a name, a uid and a gid above 0 and an absolute home")
	}
	if !slices.Contains(Clouds(), r.Cloud) {
		fail("instance.cloud: %q is none of %s", r.Cloud, strings.Join(Clouds(), ", "))
	}
	if r.TimeoutSeconds < 1 || r.TimeoutSeconds > MaxTimeoutSeconds {
		fail("instance.timeout: %d s is outside 1 to %d: the deploy user's ssh login waits for the hook", r.TimeoutSeconds,
			MaxTimeoutSeconds)
	}
	for i, a := range r.Apps {
		if !isFileName(a.Name) || Dir(a.Name) == blueprint.VerdictPath {
			fail("app[%d].name: %q cannot name a directory below %s", i, a.Name, blueprint.RunDir)
		}
		if r.hasApp(a.Name, i) {
			fail("app[%d].name: %q is there twice", i, a.Name)
		}
	}
	for i, v := range r.Values {
		if err := r.checkValue(i, v); err != nil {
			fail("instance.value[%d] (%s): %w", i, v.Name, err)
		}
	}
	for i, f := range r.Files {
		if err := r.checkFile(i, f); err != nil {
			fail("instance.file[%d] (%s): %w", i, f.Path, err)
		}
	}
	return errors.Join(errs...)
}

func isFileName(name string) bool {
	return filepath.IsLocal(name) && filepath.Base(name) == name && name != "."
}

func (r *Rules) hasApp(name string, below int) bool {
	return slices.ContainsFunc(r.Apps[:below], func(a AppRules) bool { return a.Name == name })
}

func (r *Rules) checkValue(index int, v Value) error {
	if err := systemd.CheckEnvName(v.Name); err != nil {
		return err
	}
	from, err := ParseFrom(v.From)
	if err == nil && r.Cloud == "ec2" {
		err = CheckEC2(from)
	}
	if err != nil {
		return fmt.Errorf("from: %w", err)
	}
	if v.Network && (from.Kind == CPUs || from.Kind == MemoryMB) {
		return fmt.Errorf("network: %s comes from the kernel, and waiting for the network would only delay the app; leave network out",
			v.From)
	}
	if _, err := regexp.Compile(v.Pattern); err != nil {
		return fmt.Errorf("pattern: %w; write a regular expression that Go's regexp takes (RE2)", err)
	}
	if v.Default != nil {
		if err := v.Check(*v.Default); err != nil {
			return fmt.Errorf("default: %w", err)
		}
	}
	for _, app := range v.Apps {
		if !r.hasApp(app, len(r.Apps)) {
			return fmt.Errorf("apps: there is no app %q", app)
		}
	}
	for _, other := range r.Values[:index] {
		if other.Name == v.Name && (len(v.Apps) == 0 || len(other.Apps) == 0 || slices.ContainsFunc(v.Apps, other.AppliesTo)) {
			return errors.New("an app would get two values of this name: leave one out, or give them different apps")
		}
	}
	return nil
}

// Check tells why value breaks the value's rules; nil when it passes. The
// error never holds the value.
func (v Value) Check(value string) error {
	if err := systemd.CheckEnvValue(value); err != nil {
		return err
	}
	if v.Pattern == "" {
		return nil
	}
	pattern, err := regexp.Compile(v.Pattern)
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	if !pattern.MatchString(value) {
		return fmt.Errorf("it does not match the pattern %s", v.Pattern)
	}
	return nil
}

func (r *Rules) checkFile(index int, f File) error {
	if !r.hasApp(f.App, len(r.Apps)) {
		return fmt.Errorf("app: there is no app %q", f.App)
	}
	if !filepath.IsLocal(f.Path) || filepath.Clean(f.Path) != f.Path || f.Path == "." {
		return errors.New("path: must be clean, relative and without \"..\"; write for example \"config/database.yml\"")
	}
	taken := []string{EnvFile(f.App)}
	for _, other := range r.Files[:index] {
		taken = append(taken, other.RenderedPath())
	}
	for _, other := range taken {
		if inTheWay(f.RenderedPath(), other) {
			return fmt.Errorf("path: %s and %s cannot both exist; choose another path", f.RenderedPath(), other)
		}
	}
	names, err := Placeholders(f.Template)
	if err != nil {
		return fmt.Errorf("template: %w", err)
	}
	for _, name := range names {
		if err := r.checkPlaceholder(f.App, name); err != nil {
			return fmt.Errorf("template: ${%s}: %w", name, err)
		}
	}
	return nil
}

func inTheWay(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

// checkPlaceholder wants a value that is there whenever the hook succeeds,
// because a file with a hole in it would fail later and darker.
func (r *Rules) checkPlaceholder(app, name string) error {
	for _, v := range r.ValuesFor(app) {
		switch {
		case v.Name != name:
		case v.Required || v.Default != nil:
			return nil
		default:
			return errors.New("the value may be left out; give it a default, or required = true")
		}
	}
	return fmt.Errorf("app %s gets no value of this name; declare one, or write $${%s} if it is meant literally", app, name)
}
