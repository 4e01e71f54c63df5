package monit

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Text is a value between double quotes in monit's control file.
type Text string

// maxText keeps a check readable and below monit's line buffer.
const maxText = 512

// ParseText accepts what monit can hold: it knows no escape for a double
// quote and reads a control file line by line (monit(1), WHITESPACE AND SPECIAL CHARACTERS).
func ParseText(text string) (Text, error) {
	if !utf8.ValidString(text) || len(text) > maxText || strings.ContainsFunc(text, func(r rune) bool {
		return r == '"' || r == '\\' || unicode.IsControl(r)
	}) {
		return "", fmt.Errorf("%q cannot be written into monit's control file, where one bad line stops monit for everything: leave out double quotes, backslashes and control characters, and stay within %d bytes", text, maxText)
	}
	return Text(text), nil
}

var host = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)

// ParseHost accepts a Host header: a DNS name, with a port or without.
func ParseHost(text string) (Text, error) {
	if !host.MatchString(text) {
		return "", fmt.Errorf("%q is no host name: it becomes the request's Host header; write for example \"shop.example.com\"", text)
	}
	return Text(text), nil
}

// hostHeader is the request's; empty for monit's own. On a unix socket that
// would be "localhost:0".
func hostHeader(h blueprint.Health) string {
	if h.Socket != "" {
		return cmp.Or(h.Host, "localhost")
	}
	return h.Host
}

func quote(text any) string { return `"` + fmt.Sprint(text) + `"` }

// literally makes a POSIX extended regular expression that matches just text,
// for monit reads "content" as an expression. Brackets, because a backslash
// means something to the control file already.
func literally(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '^':
			out.WriteString("[[.^.]]") // "[^]" would be a negation
		case strings.ContainsRune(".[]*$+?(){}|", r):
			out.WriteString("[" + string(r) + "]")
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
