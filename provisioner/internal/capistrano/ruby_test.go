package capistrano

import (
	"strconv"
	"strings"
	"testing"
)

func TestLiteral(t *testing.T) {
	for text, want := range map[string]string{
		"":                          `''`,
		"/home/deploy/apps/shop":    `'/home/deploy/apps/shop'`,
		"#{exit} #$0 %{a} %w[b]":    `'#{exit} #$0 %{a} %w[b]'`,
		"it's":                      `'it\'s'`,
		`ends in \`:                 `'ends in \\'`,
		`\'`:                        `'\\\''`,
		`\n`:                        `'\\n'`,
		"Größe ☕":                   `'Größe ☕'`,
		"two\nlines":                `"two\x0Alines"`,
		"\r\n__END__\n":             `"\x0D\x0A__END__\x0A"`,
		"\n#{`id`}\"\\":             `"\x0A\#{` + "`id`" + `}\"\\"`,
		"nul\x00":                   `"nul\x00"`,
		"broken \xff":               `"broken \xFF"`,
		"right to left \u202e, too": `"right to left \xE2\x80\xAE, too"`,
	} {
		if got := Literal(text); got != want {
			t.Errorf("Literal(%q) is %s, not %s", text, got, want)
		}
	}
}

// FuzzLiteral: one literal on one line, which says what went in.
func FuzzLiteral(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		literal := Literal(text)
		if strings.ContainsAny(literal, "\r\n\x00") {
			t.Errorf("%q leaves its line", literal)
		}
		if got, ok := read(literal); !ok || got != text {
			t.Errorf("%q became %s, which Ruby reads as %q", text, literal, got)
		}
	})
}

// read is as much of Ruby's reader as a literal may need; it does not accept
// more than one literal, nor an interpolation.
func read(literal string) (text string, ok bool) {
	var out []byte
	quote, rest := literal[0], literal[1:]
	for rest != "" {
		switch {
		case rest[0] == quote:
			return string(out), len(rest) == 1
		case rest[0] == '#' && quote == '"':
			return "", false
		case rest[0] != '\\':
			out, rest = append(out, rest[0]), rest[1:]
		case quote == '"' && strings.HasPrefix(rest, `\x`):
			b, err := strconv.ParseUint(rest[2:4], 16, 8)
			if err != nil {
				return "", false
			}
			out, rest = append(out, byte(b)), rest[4:]
		case strings.ContainsRune(`\#`+string(quote), rune(rest[1])):
			out, rest = append(out, rest[1]), rest[2:]
		default:
			return "", false
		}
	}
	return "", false
}
