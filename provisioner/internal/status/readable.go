package status

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape is what programs write to colour their output: CSI and OSC sequences (ECMA-48).
var escape = regexp.MustCompile(`\x1b(?:\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]|\][^\x07\x1b]*(?:\x07|\x1b\\))`)

// readable makes a text of anybody's safe for a terminal, and one line. Colours
// go; any other control character, what turns the direction of writing and what
// cannot be seen is spelled out.
func readable(text string) string {
	if strings.IndexFunc(text, odd) < 0 {
		return text
	}
	text = escape.ReplaceAllString(text, "")
	var out strings.Builder
	for i, r := range text {
		switch {
		case r == '\t':
			out.WriteByte(' ')
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case !odd(r):
			out.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&out, `\x%02x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

func odd(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }

func readables(texts []string) []string {
	var out []string
	for _, text := range texts {
		out = append(out, readable(text))
	}
	return out
}

const hidden = "(hidden)"

// minSecret keeps "1" and "yes", as values, from blotting out every log.
const minSecret = 4

// hide keeps a value out of everything that others have written. Of one with
// several lines, as keys have, each is hidden, since a log is split there.
func (l *look) hide(value string) {
	for line := range strings.Lines(value) {
		if line = strings.TrimSpace(line); len(line) >= minSecret {
			l.secrets = append(l.secrets, line)
		}
	}
}

// hideIn takes values that must not be shown out of a text, before it is cut.
func (l *look) hideIn(text string) string {
	for _, secret := range l.secrets {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
}
