// Package systemd knows how systemd reads its files: unit names, the escaping
// that each directive wants, rendering from templates, and the EnvironmentFile
// codec. It decides nothing about any service.
package systemd

import (
	"fmt"
	"regexp"
	"strings"
)

// UnitName is a full unit name with its type's suffix, for example
// "shop_puma_production.service".
type UnitName string

// unitPrefix is the part before the suffix, per systemd.unit(5): at most 255
// characters in all. A template's "@" and escapes are left out on purpose:
// nothing here makes such units.
var unitPrefix = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9:_.-]*$`)

// ParseUnitName makes a unit name of a prefix and a suffix such as "service".
func ParseUnitName(prefix, suffix string) (UnitName, error) {
	if !unitPrefix.MatchString(prefix) {
		return "", fmt.Errorf("%q is no unit name: systemd takes letters, digits and \":_.-\", beginning with a letter or digit; write for example \"shop_puma_production\"", prefix)
	}
	name := prefix + "." + suffix
	if len(name) > 255 {
		return "", fmt.Errorf("%q is longer than the 255 characters that systemd allows a unit name: shorten it", name)
	}
	return UnitName(name), nil
}

// Prefix is the name without its suffix.
func (n UnitName) Prefix() string {
	return string(n)[:strings.LastIndexByte(string(n), '.')]
}

// SafePath is an absolute path that reads the same to systemd, monit, a shell
// and Ruby, so that none of them needs to quote it.
type SafePath string

var safePath = regexp.MustCompile(`^(/[A-Za-z0-9_.@+-]+)+$`)

// ParseSafePath accepts absolute, clean paths of letters, digits and "_.@+-".
func ParseSafePath(text string) (SafePath, error) {
	switch {
	case !strings.HasPrefix(text, "/"):
		return "", fmt.Errorf("%q is not absolute: systemd and monit know no working directory; write the whole path from /", text)
	case !safePath.MatchString(text), strings.Contains(text+"/", "/../"), strings.Contains(text+"/", "/./"):
		return "", fmt.Errorf("%q has parts that unit files, monit and shells read differently: use letters, digits and \"_.@+-\" between single slashes, with no \"..\" and no final slash", text)
	}
	return SafePath(text), nil
}
