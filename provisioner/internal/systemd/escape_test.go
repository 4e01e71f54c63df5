package systemd

import (
	"strconv"
	"strings"
	"testing"
)

func TestEnvironment(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"plain", "x", `"plain=x"`},
		{"percent", "p%40ss", `"percent=p%%40ss"`},
		{"quotes", `say "hi" it's`, `"quotes=say \"hi\" it's"`},
		{"backslash", `C:\temp`, `"backslash=C:\\temp"`},
		{"lines", "a\nb\rc", `"lines=a\nb\x0dc"`},
		{"dollar", "$HOME", `"dollar=$HOME"`},
	} {
		if got := Environment(c.name, c.value); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestExecLine(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"/bin/a", "-C", "/x/y.rb"}, "/bin/a -C /x/y.rb"},
		{[]string{"/bin/a", "b c", ""}, `/bin/a "b c" ""`},
		{[]string{"/bin/a", ";", "$HOME", "50%"}, `/bin/a ";" $$HOME 50%%`},
		{[]string{"/bin/a", `it's "x"\`}, `/bin/a "it's \"x\"\\"`},
	} {
		if got := ExecLine(c.words); got != c.want {
			t.Errorf("%q: got %s, want %s", c.words, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	if got, want := Text("a\nExecStart=/bin/evil 5%\\"), "a ExecStart=/bin/evil 5%%"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// unquote reads a double-quoted word by the rules of systemd.syntax(7) and
// undoes the specifiers; ok is false where systemd would not read one word.
func unquote(text string) (value string, ok bool) {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return "", false
	}
	var out strings.Builder
	body := text[1 : len(text)-1]
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == '"' || body[i] == '\n':
			return "", false
		case body[i] == '%':
			if i++; i == len(body) || body[i] != '%' {
				return "", false
			}
			out.WriteByte('%')
		case body[i] != '\\':
			out.WriteByte(body[i])
		case strings.HasPrefix(body[i:], `\x`) && len(body) >= i+4:
			n, err := strconv.ParseUint(body[i+2:i+4], 16, 8)
			if err != nil {
				return "", false
			}
			out.WriteByte(byte(n))
			i += 3
		case strings.HasPrefix(body[i:], `\n`):
			out.WriteByte('\n')
			i++
		case strings.HasPrefix(body[i:], `\"`), strings.HasPrefix(body[i:], `\\`):
			out.WriteByte(body[i+1])
			i++
		default:
			return "", false
		}
	}
	return out.String(), true
}

func FuzzEnvironment(f *testing.F) {
	for _, seed := range []string{"", "p%40ss", "a\nb", `"\`, "$(x)", "%%", "\x7f\x01", "ü\u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, ok := unquote(Environment("K", value))
		if !ok || got != "K="+value {
			t.Errorf("%q became %s, which reads %q (%v)", value, Environment("K", value), got, ok)
		}
	})
}

func FuzzExecWord(f *testing.F) {
	for _, seed := range []string{"", ";", "$$", "a b", `'\"`, "%n", "x\ty", "{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		line := ExecWord(word)
		if !strings.HasPrefix(line, `"`) {
			if line == "" || strings.ContainsAny(line, " \t\n\"'\\;") {
				t.Fatalf("%q is not one word: %s", word, line)
			}
			line = `"` + line + `"`
		}
		got, ok := unquote(line)
		if got = strings.ReplaceAll(got, "$$", "$"); !ok || got != word {
			t.Errorf("%q became %s, which reads %q (%v)", word, line, got, ok)
		}
	})
}

func FuzzSafePath(f *testing.F) {
	for _, seed := range []string{"/srv/app", "/a/../b", "//", "/a b", "/a/.", "/a%n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseSafePath(text)
		if err == nil && (strings.ContainsAny(string(p), " \t\n\"'\\$%`;{}*?") || !strings.HasPrefix(string(p), "/") || strings.Contains(string(p)+"/", "/../")) {
			t.Errorf("%q passed", text)
		}
	})
}
