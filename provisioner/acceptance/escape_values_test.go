//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// alphabets are what values are made of, each with what one of systemd's
// readers takes for more than itself.
var alphabets = [][]string{
	{`"`, `'`, "`", `""`, `' '`, `\"`, `\'`, "a", " "},
	{`\`, `\\`, `\n`, `\t`, `\x41`, `\x00`, `\101`, `\u00e9`, `\U0001f680`, `\s`, `\;`, `\ `, "\\\n", "b"},
	{"%", "%%", "%n", "%h", "%i", "%t", "%u", "%E", "%{", "% ", "%40", "c"},
	{"$", "$$", "$HOME", "${HOME}", "${HOME", "${X:-y}", "$(id)", "$0", "$1", "$MAINPID", "{", "}", "d"},
	{" ", "  ", "\t", "\n", "\n\n", "e", "f"},
	{"\x01", "\b", "\v", "\f", "\r", "\r\n", "\x1b[31m", "\x1f", "\x7f", "g"},
	{";", " ; ", "#", " # ", "=", "==", ",", "[", "]", "\n[Service]\n", "\nExecStart=/bin/false\n", "h"},
	{"-", "@", ":", "+", "!", "!!", "|", "~", "*", "?", "i"},
	{"é", "e\u0301", "ß", "Ω", "日本", "🚀", "𝕏", "👩\u200d🚒", "\u200b", "\u202e", "\ufeff", "\u2028", "\u0085", "\u00a0", "\ufdcf", "\U0010fffd"},
	{"j", "K", "7", "_", ".", "/", "<", ">", "(", ")", "&", "^"},
}

// unreadable are the parts for which a value has to be refused, now and then.
var unreadable = []string{"\x00", "\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001ffff", "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf0\x9f"}

// valueSource makes values, the same ones for the same seed.
type valueSource struct {
	*rand.Rand
	hostile []string
}

// seedOf is what a flag asks for, or else a new seed, and tells it for a repeat.
func seedOf(t *testing.T, flag string, asked uint64) uint64 {
	t.Helper()
	if asked == 0 {
		asked = rand.Uint64()
	}
	t.Logf("the values are those of -%s=%d", flag, asked)
	return asked
}

// newValueSource begins with the values that the escapers' own tests have.
func newValueSource(t *testing.T, seed, stream uint64) *valueSource {
	t.Helper()
	text, err := os.ReadFile("../internal/systemd/testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := &valueSource{Rand: rand.New(rand.NewPCG(seed, stream))}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, `"`) {
			continue
		}
		value, err := strconv.Unquote(strings.TrimSpace(line))
		if err != nil {
			t.Fatalf("hostile.txt: %s: %v", line, err)
		}
		s.hostile = append(s.hostile, value)
	}
	return s
}

func (s *valueSource) chance(percent int) bool { return s.IntN(100) < percent }

func (s *valueSource) pick(from []string) string { return from[s.IntN(len(from))] }

// stream returns some values first, then made ones.
func (s *valueSource) stream(first, names []string) func() string {
	return func() string {
		if len(first) == 0 {
			return s.value(names)
		}
		value := first[0]
		first = first[1:]
		return value
	}
}

// value is any string, most of them short. names are variables of the same
// unit, which a "$" might be taken for.
func (s *valueSource) value(names []string) string {
	if s.chance(10) {
		return s.pick(s.hostile)
	}
	var out strings.Builder
	mixed := s.chance(50)
	alphabet := alphabets[s.IntN(len(alphabets))]
	for range s.IntN(24) {
		if mixed {
			alphabet = alphabets[s.IntN(len(alphabets))]
		}
		out.WriteString(s.pick(alphabet))
	}
	value := out.String()
	switch s.IntN(40) {
	case 0:
		return s.long(value)
	case 1:
		return value + s.pick(unreadable) + s.pick(s.hostile)
	case 2, 3, 4:
		return s.pick(s.hostile) + value
	case 5, 6, 7:
		return value + s.pick(s.hostile)
	case 8, 9:
		if len(names) > 0 {
			return value + "${" + s.pick(names) + "}$" + s.pick(names)
		}
	case 10, 11:
		return string(s.character()) + value + string(s.character())
	}
	return value
}

// long fills up to what one value may have, or one byte more.
func (s *valueSource) long(value string) string {
	size := systemd.MaxEnvValue - 2 + s.IntN(4)
	var out strings.Builder
	out.WriteString(value)
	for out.Len() < size-len("\nExecStart=/bin/false\n") {
		out.WriteString(s.pick(alphabets[s.IntN(len(alphabets))]))
	}
	return out.String() + strings.Repeat("x", max(0, size-out.Len()))
}

// character is any code point, surrogates left out.
func (s *valueSource) character() rune {
	for {
		if r := s.Int32N(unicode.MaxRune + 1); utf8.ValidRune(r) {
			return r
		}
	}
}

// name is a variable's, seldom one that must be refused.
func (s *valueSource) name() string {
	const first, more = "ABCXYZ_abcxyz", "ABCXYZ_abcxyz0189"
	size := 1 + s.IntN(30)
	if s.chance(2) {
		size = 200
	}
	name := []byte{first[s.IntN(len(first))]}
	for len(name) < size {
		name = append(name, more[s.IntN(len(more))])
	}
	if s.chance(3) {
		return string(name) + s.pick([]string{"-", ".", " ", "%n", "$X", "=", "é", "\n", `"`})
	}
	if s.chance(1) {
		return s.pick([]string{"", "1A", "-"})
	}
	return string(name)
}

// plain is a short text of letters and some others.
func (s *valueSource) plain(others string) string {
	chars := "abcXYZ019" + others
	text := make([]byte, s.IntN(30))
	for i := range text {
		text[i] = chars[s.IntN(len(chars))]
	}
	return string(text)
}

// programIn is a program's path in a directory, seldom one without.
func (s *valueSource) programIn(dir string) string {
	name := strings.ReplaceAll(s.value(nil), "/", "_")
	if len(name) > 120 {
		name = strings.ToValidUTF8(name[:120], "")
	}
	if s.chance(5) {
		return s.pick([]string{name, "./" + name, dir + "/" + name + "/", ""})
	}
	return dir + "/p" + name
}

// unfitVariable says why a variable has to be refused, "" when it need not be:
// the rules once more, in other words than the code's.
func unfitVariable(v blueprint.EnvVar) string {
	letter := func(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	for i := range len(v.Name) {
		if c := v.Name[i]; !letter(c) && (i == 0 || c < '0' || c > '9') {
			return "name"
		}
	}
	switch {
	case v.Name == "":
		return "name"
	case len(v.Value) > 8192:
		return "size"
	}
	return unfitWord(v.Value)
}

func unfitWord(word string) string {
	noncharacter := func(r rune) bool { return unicode.Is(unicode.Noncharacter_Code_Point, r) }
	switch {
	case !utf8.ValidString(word):
		return "UTF-8"
	case strings.Contains(word, "\x00"):
		return "NUL"
	case strings.ContainsFunc(word, noncharacter):
		return "noncharacter"
	}
	return ""
}

func unfitProgram(path string) string {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/"):
		return "no absolute path of a file"
	case strings.ContainsAny(path, `"'\`) || strings.ContainsFunc(path, control):
		return "systemd's string_is_safe"
	case strings.HasSuffix(path, " "):
		return "systemd 257's way to its executor"
	}
	return unfitWord(path)
}

// asShown is a text as systemd shows it: one line, without what it trims or
// takes for a continuation at the end, and without what makes it ignore a line.
func asShown(text string) string {
	var out []rune
	for _, r := range text { // bytes that are no UTF-8 become U+FFFD here
		switch {
		case r < ' ' || r == 0x7f:
			r = ' '
		case unicode.Is(unicode.Noncharacter_Code_Point, r):
			r = utf8.RuneError
		}
		out = append(out, r)
	}
	for len(out) > 0 && slices.Contains([]rune{' ', '\\'}, out[len(out)-1]) {
		out = out[:len(out)-1]
	}
	for len(out) > 0 && out[0] == ' ' {
		out = out[1:]
	}
	return string(out)
}

// shortened quotes a value for a message.
func shortened(value string) string {
	if len(value) > 200 {
		return fmt.Sprintf("%q… (%d bytes)", value[:200], len(value))
	}
	return strconv.Quote(value)
}
