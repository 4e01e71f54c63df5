package systemd

import (
	"fmt"
	"strings"
)

// Specifiers doubles every "%", which systemd would expand in nearly every
// directive (systemd.unit(5), SPECIFIERS).
func Specifiers(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// Text is a value that systemd takes to the end of the line, such as
// Description=: line breaks become spaces, so that no value can add a directive.
func Text(text string) string {
	return Specifiers(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.TrimSuffix(text, `\`)))
}

// Environment is the whole right side of an Environment= line for one
// variable: quoted, so that spaces and quotes stay in the value, and with "%"
// doubled (systemd.exec(5), Environment=; "$" is literal there).
func Environment(name, value string) string {
	return quote(Specifiers(name + "=" + value))
}

// ExecWord is one argument of an ExecStart= line. Besides quoting, "$" is
// doubled against variable expansion (systemd.service(5), COMMAND LINES). A
// lone ";" would separate two commands and is quoted too.
func ExecWord(word string) string {
	escaped := strings.ReplaceAll(Specifiers(word), "$", "$$")
	if word != "" && !strings.ContainsFunc(word, needsQuote) {
		return escaped
	}
	return quote(escaped)
}

// ExecLine joins the words of a command.
func ExecLine(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = ExecWord(w)
	}
	return strings.Join(out, " ")
}

func needsQuote(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune(`"'\;`, r)
}

// quote wraps text in double quotes with the C escapes of systemd.syntax(7).
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c == '\n':
			out.WriteString(`\n`)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&out, `\x%02x`, c)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}
