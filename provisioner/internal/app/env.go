package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// executable names make a program run or load code that the value names:
// harmless from a template, code execution from a tag that others can set.
var executable = []string{
	"PATH", "HOME", "SHELL", "IFS", "ENV", "BASH_ENV", "CDPATH", "PERL5OPT", "PERL5LIB", "PYTHONPATH",
	"RUBYOPT", "RUBYLIB", "RUBYPATH", "RBENV_ROOT", "RBENV_VERSION", "RBENV_DIR", "RBENV_HOOK_PATH",
	"GEM_HOME", "GEM_PATH", "NODE_OPTIONS", "GIT_SSH_COMMAND",
}

var executablePrefixes = []string{"LD_", "BUNDLE_", "BUNDLER_", "GIT_CONFIG", "BASH_FUNC_"}

// CheckInstanceName refuses names with which an instance's metadata could run
// code as the deploy user.
func CheckInstanceName(text string) error {
	begins := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
	if slices.Contains(executable, text) || slices.ContainsFunc(executablePrefixes, begins) {
		return fmt.Errorf("%q would let whoever sets the instance's metadata run code as the deploy user; set it in the app's env, where only this template decides, or choose another name", text)
	}
	return nil
}

var (
	secretName  = regexp.MustCompile(`(?i)(^|_)(SECRET|SECRET_KEY|SECRET_KEY_BASE|MASTER_KEY|PASSWORD|PASSWD|PASSPHRASE|TOKEN|API_KEY|APIKEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)$`)
	secretValue = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*:[^/\s@]+@|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bxox[abpr]-[0-9]`)
)

// CheckSecret tells why a variable looks like a secret; nil when it does not.
func CheckSecret(name, value string) error {
	if value == "" || !secretName.MatchString(name) && !secretValue.MatchString(value) {
		return nil
	}
	return fmt.Errorf("looks like a secret: it would be baked into an image that many can read, and systemd shows it to every process of the user; let each instance fill it in at boot, by an instance value named %s with from = … and sensitive = true", name)
}
