package unitfile

import "strings"

// Words splits a value as systemd splits ExecStart= and Environment=
// (extract_first_word): at whitespace, with both kinds of quotes, which may
// stand anywhere in a word, and with C escapes. ok is false when a quote or an
// escape is not closed, for which systemd drops the whole line.
func Words(value string) (words []string, ok bool) {
	var word strings.Builder
	var quote byte
	inWord := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\':
			if i++; i == len(value) {
				return words, false
			}
			inWord = true
			word.WriteString(unescape(value[i]))
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && strings.IndexByte(whitespace, c) >= 0:
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			inWord = true
			word.WriteByte(c)
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, quote == 0
}

// unescape gives the text for the character after a backslash. Numeric escapes
// stay as they are written: no rule looks into them.
func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'r':
		return "\r"
	case 's':
		return " "
	case '\\', '"', '\'':
		return string(c)
	}
	return `\` + string(c)
}
