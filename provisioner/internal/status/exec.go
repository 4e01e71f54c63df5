package status

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/boot"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

const defaultPath = "/usr/local/bin:/usr/bin:/bin"

// Environment is what a command of the app runs with. In rising order of
// precedence: inherited (of root only what describes its terminal and
// language), rbenv's, what the image sets for the app, and the instance's
// values. Its error says what to do when the values are not there.
func (h Host) Environment(b *blueprint.Blueprint, app blueprint.App, inherited []string) ([]string, error) {
	values, err := h.instanceValues(app)
	if err != nil {
		return nil, err
	}
	env := map[string]string{"PATH": defaultPath}
	for _, entry := range inherited {
		if name, value, ok := strings.Cut(entry, "="); ok && (h.Users.EUID == b.User.UID || ofTerminal(name)) {
			env[name] = value
		}
	}
	env["HOME"], env["USER"], env["LOGNAME"], env["SHELL"] = b.User.Home, b.User.Name, b.User.Name, b.User.Shell
	if runtime := deployuser.RuntimeDir(b.User); h.exists(runtime) {
		env["XDG_RUNTIME_DIR"] = runtime
	}
	if b.Ruby != nil {
		env["RBENV_ROOT"], env["RBENV_VERSION"] = b.Ruby.Root, b.Ruby.Version
		env["PATH"] = inFront([]string{b.Ruby.Root + "/shims", b.Ruby.Root + "/bin"}, env["PATH"])
	}
	for _, v := range slices.Concat(app.Environment, values) {
		env[v.Name] = v.Value
	}
	out := make([]string, 0, len(env))
	for name, value := range env {
		out = append(out, name+"="+value)
	}
	slices.Sort(out)
	return out, nil
}

func ofTerminal(name string) bool {
	return name == "TERM" || name == "TZ" || name == "LANG" || name == "LANGUAGE" || strings.HasPrefix(name, "LC_")
}

func inFront(dirs []string, path string) string {
	for dir := range strings.SplitSeq(path, ":") {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return strings.Join(dirs, ":")
}

func (h Host) instanceValues(app blueprint.App) ([]blueprint.EnvVar, error) {
	if app.EnvFile == "" {
		return nil, nil
	}
	data, err := os.ReadFile(h.Users.Path(app.EnvFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no instance values, and must not run without them: %s", app.Name, h.whyNoValues())
	}
	if err != nil {
		return nil, fmt.Errorf("the instance values of %s: %w", app.Name, err)
	}
	values, err := systemd.DecodeEnvFile(data)
	if err != nil {
		return nil, fmt.Errorf("the instance values of %s, %s: %w", app.Name, app.EnvFile, err)
	}
	return values, nil
}

func (h Host) whyNoValues() string {
	again := "; as root: systemctl restart " + blueprint.HookUnit
	verdict, err := boot.ReadVerdict(h.Users.Root)
	switch {
	case err != nil:
		return err.Error() + again
	case verdict == nil:
		return "the first-boot hook has not run in this boot" + again
	case len(verdict.Problems) == 0:
		return "somebody has removed them since the first-boot hook succeeded" + again
	}
	return "the first-boot hook failed:\n  " + strings.Join(verdict.Problems, "\n  ")
}

// Find looks a program up in env's PATH, as execvp(3) would. A name with a
// slash is taken as it is.
func Find(program string, env []string) (string, error) {
	if strings.Contains(program, "/") {
		return program, nil
	}
	var path string
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			path = value
		}
	}
	for dir := range strings.SplitSeq(path, ":") {
		// A relative or empty element would run whatever lies in the working directory.
		if !filepath.IsAbs(dir) {
			continue
		}
		full := filepath.Join(dir, program)
		if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return full, nil
		}
	}
	return "", fmt.Errorf("%s: not found in PATH=%s", program, path)
}

// Become gives up root's rights for the deploy user's, for good. For the user itself it does nothing.
func (h Host) Become(user blueprint.User) error {
	if h.Users.EUID == user.UID {
		return nil
	}
	groups, err := h.Users.Groups(user)
	if err != nil {
		return fmt.Errorf("become %s: %w", user.Name, err)
	}
	// The order matters: after setuid(2) the others would be refused.
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setgid(user.GID), syscall.Setuid(user.UID)); err != nil {
		return fmt.Errorf("become %s: %w", user.Name, err)
	}
	return nil
}
