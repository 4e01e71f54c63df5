package app

import (
	"fmt"
	"regexp"
)

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
