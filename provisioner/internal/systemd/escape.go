package systemd

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Specifiers doubles every "%", which systemd would expand in nearly every
// directive (systemd.unit(5), SPECIFIERS).
func Specifiers(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// Text is a value that systemd takes to the end of the line, such as
// Description=. Line breaks become spaces, so that no value can add a
// directive. White space at the ends goes, as systemd has it, and with it every
// backslash at the end: with one, the next line would belong to this one.
// Noncharacters, for which systemd refuses the whole unit, become U+FFFD.
func Text(text string) string {
	return Specifiers(strings.TrimRight(strings.TrimLeft(strings.Map(func(r rune) rune {
		switch {
		case control(r):
			return ' '
		case nonCharacter(r):
			return utf8.RuneError
		}
		return r
	}, text), " "), ` \`))
}

// Environment is the whole right side of an Environment= line for one
// variable: quoted, so that spaces and quotes stay in the value, and with "%"
// doubled (systemd.exec(5), Environment=; "$" is literal there).
func Environment(name, value string) string {
	return quote(Specifiers(name + "=" + value))
}

// ExecWord is one argument of an ExecStart= line; see CheckReadable. Besides
// quoting, "$" is doubled against variable expansion (systemd.service(5),
// COMMAND LINES). A lone ";" would separate two commands and is quoted too.
func ExecWord(word string) string {
	return quoteIfNeeded(strings.ReplaceAll(Specifiers(word), "$", "$$"))
}

// ExecLine joins the words of a command; see CheckProgram for the first.
// systemd undoes a doubled "$" in every word but the program's path: if that
// has one, the prefix ":" turns variables off for the whole line instead.
func ExecLine(words []string) string {
	out := make([]string, len(words))
	if len(words) > 0 && strings.Contains(words[0], "$") {
		for i, w := range words {
			out[i] = quoteIfNeeded(Specifiers(w))
		}
		return ":" + strings.Join(out, " ")
	}
	for i, w := range words {
		out[i] = ExecWord(w)
	}
	return strings.Join(out, " ")
}

func quoteIfNeeded(escaped string) string {
	if escaped != "" && !strings.ContainsFunc(escaped, needsQuote) {
		return escaped
	}
	return quote(escaped)
}

func needsQuote(r rune) bool {
	return r == ' ' || control(r) || strings.ContainsRune(`"'\;`, r)
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
