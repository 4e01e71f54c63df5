package capistrano

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Literal is text as a Ruby string literal. Single quotes know two escapes
// only and interpolate nothing (Ruby's doc/syntax/literals.rdoc). What an
// editor or Ruby's own reader could change on the way, such as a line break or
// a broken character, goes byte by byte into double quotes.
func Literal(text string) string {
	if printable(text) {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
	}
	var out strings.Builder
	out.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\' || c == '#': // "#" begins an interpolation
			out.WriteByte('\\')
			out.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&out, `\x%02X`, c)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// list is several literals, as arguments or within brackets.
func list(texts []string) string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = Literal(text)
	}
	return strings.Join(out, ", ")
}
