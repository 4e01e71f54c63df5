package systemd

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

const (
	// MaxEnvValue is the most bytes that one value may have. The kernel takes 128 KiB for
	// one string (MAX_ARG_STRLEN, execve(2)); anything near it is no setting but a payload.
	MaxEnvValue = 8 << 10
	// MaxEnvFile is the most bytes of a whole file, which leaves most of the
	// kernel's room for arguments and environment to the program.
	MaxEnvFile = 64 << 10
)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// CheckEnvName refuses names that systemd would drop with no more than a warning in the journal.
func CheckEnvName(name string) error {
	if !envName.MatchString(name) {
		return fmt.Errorf("%q is no environment variable's name: systemd drops such a variable, so use letters, digits and "+
			"\"_\", not beginning with a digit; for example \"DATABASE_URL\"", name)
	}
	return nil
}

// CheckEnvValue refuses a value that would cost more than itself: for one that
// it cannot read, systemd rejects the whole file.
func CheckEnvValue(value string) error {
	if len(value) > MaxEnvValue {
		return fmt.Errorf("it has %d bytes, and %d is the most: pass big data in a file", len(value), MaxEnvValue)
	}
	if at := strings.IndexByte(value, 0); at >= 0 && utf8.ValidString(value) {
		return fmt.Errorf("it holds a NUL at byte %d, which no environment variable can: encode it, for example as base64", at)
	}
	if what := unreadable(value); what != "" {
		return fmt.Errorf("it %s, for which systemd rejects the whole file: encode it, for example as base64", what)
	}
	return nil
}

// envEscaped are the characters that a backslash protects between double
// quotes (systemd's SHELL_NEED_ESCAPE); every other one stands for itself.
const envEscaped = "\"\\`$"

// EncodeEnvFile writes an EnvironmentFile that systemd 245 and later, and a
// POSIX shell, read back exactly: one KEY="value" after another, in the given
// order, a newline in a value included. Only a variable with a control
// character other than tab and newline is dropped by what is older than Debian
// 11's 247.3 (basic/env-util.c, env_value_is_valid). There are no comments,
// since before systemd 254 one that ends in a backslash swallows the next line.
// It returns an error that names the variable, never its value.
func EncodeEnvFile(vars []blueprint.EnvVar) ([]byte, error) {
	var out bytes.Buffer
	seen := map[string]bool{}
	for _, v := range vars {
		if err := CheckEnvName(v.Name); err != nil {
			return nil, err
		}
		if seen[v.Name] {
			return nil, fmt.Errorf("%s is there twice, and systemd would keep only the last: leave one out", v.Name)
		}
		seen[v.Name] = true
		if err := CheckEnvValue(v.Value); err != nil {
			return nil, fmt.Errorf("the value of %s cannot be written: %w", v.Name, err)
		}
		out.WriteString(v.Name + `="`)
		for i := range len(v.Value) {
			if strings.IndexByte(envEscaped, v.Value[i]) >= 0 {
				out.WriteByte('\\')
			}
			out.WriteByte(v.Value[i])
		}
		out.WriteString("\"\n")
	}
	if out.Len() > MaxEnvFile {
		return nil, fmt.Errorf("the variables come to %d bytes, and %d is the most: pass big data in files", out.Len(), MaxEnvFile)
	}
	return out.Bytes(), nil
}

// DecodeEnvFile reads exactly what EncodeEnvFile writes, in the same order;
// anything else, even what systemd would take, is an error that gives the
// byte where it begins.
func DecodeEnvFile(data []byte) ([]blueprint.EnvVar, error) {
	if len(data) > MaxEnvFile {
		return nil, fmt.Errorf("%d bytes are more than the %d of an environment file", len(data), MaxEnvFile)
	}
	var vars []blueprint.EnvVar
	seen := map[string]bool{}
	for rest := string(data); rest != ""; {
		at := len(data) - len(rest)
		name, quoted, found := strings.Cut(rest, `="`)
		if !found || !envName.MatchString(name) || seen[name] {
			return nil, fmt.Errorf("byte %d: no new NAME=\"", at)
		}
		seen[name] = true
		value, after, ok := unquoteEnv(quoted)
		if !ok {
			return nil, fmt.Errorf("byte %d: the value of %s is not quoted as it should be", at, name)
		}
		if err := CheckEnvValue(value); err != nil {
			return nil, fmt.Errorf("byte %d: the value of %s: %w", at, name, err)
		}
		vars = append(vars, blueprint.EnvVar{Name: name, Value: value})
		rest = after
	}
	return vars, nil
}

// unquoteEnv reads up to the closing quote and the newline behind it.
func unquoteEnv(text string) (value, rest string, ok bool) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			rest, ok = strings.CutPrefix(text[i+1:], "\n")
			return out.String(), rest, ok
		case c == '\\' && i+1 < len(text) && strings.IndexByte(envEscaped, text[i+1]) >= 0:
			i++
			out.WriteByte(text[i])
		case strings.IndexByte(envEscaped, c) >= 0:
			return "", "", false
		default:
			out.WriteByte(c)
		}
	}
	return "", "", false
}
