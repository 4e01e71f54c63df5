// Package monitrc reads monit's control files as far as a linter needs it:
// checks, the programs that they run and as whom, and when.
package monitrc

import "strings"

// Token is a word or a string of a control file.
type Token struct {
	Text string
	// Quote is '"' or '\'' for a string, else 0.
	Quote byte
	// Open marks a string that never ends.
	Open bool
	// Line is where it begins, from 1.
	Line int
}

// is tells whether the token is a keyword, which monit reads in any case.
func (t Token) is(words ...string) bool {
	for _, w := range words {
		if t.Quote == 0 && strings.EqualFold(t.Text, w) {
			return true
		}
	}
	return false
}

// Tokens splits a control file. Comments go from "#" to the line's end;
// strings may span lines; "=" and "," stand alone.
func Tokens(text []byte) []Token {
	var out []Token
	line := 1
	for i := 0; i < len(text); {
		rest := string(text[i:])
		switch c := text[i]; {
		case c == '\n':
			line++
			i++
		case c <= ' ':
			i++
		case c == '#':
			i += length(rest, strings.IndexByte(rest, '\n'))
		case c == '"' || c == '\'':
			t := quoted(rest, line)
			out = append(out, t)
			line += strings.Count(t.Text, "\n")
			i += len(t.Text) + 2
		case c == '=' || c == ',':
			out = append(out, Token{Text: string(c), Line: line})
			i++
		default:
			n := length(rest, strings.IndexAny(rest, " \t\r\n\v\f\"'=,#\x00"))
			n = max(n, 1)
			out = append(out, Token{Text: rest[:n], Line: line})
			i += n
		}
	}
	return out
}

// length is where something was found, or all of text.
func length(text string, found int) int {
	if found < 0 {
		return len(text)
	}
	return found
}

// quoted reads a string. A backslash keeps the quote after it from ending the
// string, but monit leaves the backslash in it.
func quoted(text string, line int) Token {
	quote := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return Token{Text: text[1:i], Quote: quote, Line: line}
		}
	}
	return Token{Text: text[1:], Quote: quote, Open: true, Line: line}
}
