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
		{[]string{"/opt/a$b", "$HOME", "50%", "c d"}, `:/opt/a$b $HOME 50%% "c d"`},
		{[]string{"/opt/a $b"}, `:"/opt/a $b"`},
	} {
		if got := ExecLine(c.words); got != c.want {
			t.Errorf("%q: got %s, want %s", c.words, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"a\nExecStart=/bin/evil 5%\\": "a ExecStart=/bin/evil 5%%",
		` edges `:                     "edges",
		`two \\`:                      "two",
		`a\ `:                         "a",
		"a \\\n\\":                    "a",
		`a\b`:                         `a\b`,
		"x\uffff\xff":                 "x\ufffd\ufffd",
		"\t":                          "",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestCheckReadable(t *testing.T) {
	for word, want := range map[string]string{
		"": "", "a b\n\x7f\U0010fffd\ufdcf": "",
		"a\x00": "NUL at byte 1", "\xff": "not UTF-8", "\xed\xa0\x80": "not UTF-8", "b\U0002ffff": "noncharacter U+2FFFF at byte 1",
	} {
		if err := CheckReadable(word); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", word, err, want)
		}
	}
}

func TestCheckProgram(t *testing.T) {
	for path, want := range map[string]string{
		"/bin/a": "", "/opt/a b;$c%n/é@:+!-": "",
		"": "no program's path", "bin/a": "no program's path", "-/bin/a": "no program's path", "@/bin/a": "no program's path",
		"/opt/": "no program's path", "/": "no program's path",
		`/opt/"a"`: "however it is quoted", "/opt/it's": "however it is quoted", `/opt/a\b`: "however it is quoted",
		"/opt/a\nb": "however it is quoted", "/opt/\x7f": "however it is quoted", "/opt/\uffff": "noncharacter",
		"/opt/a ": "ends in a space",
	} {
		if err := CheckProgram(path); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
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
	for _, seed := range hostile(f) {
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
	for _, seed := range hostile(f) {
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

// FuzzText wants one line that says nothing else, and that ends where it ends.
func FuzzText(f *testing.F) {
	for _, seed := range hostile(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Text(text)
		shown := strings.ReplaceAll(got, "%%", "")
		if strings.ContainsFunc(got, control) || unreadable(got) != "" || strings.Contains(shown, "%") || strings.Trim(got, ` `) != got || strings.HasSuffix(got, `\`) {
			t.Errorf("%q became %q", text, got)
		}
		if again := Text(strings.ReplaceAll(got, "%%", "%")); again != got {
			t.Errorf("%q became %q, and that %q", text, got, again)
		}
	})
}

// FuzzExecLine has the program's path on trial, in which no "$" is doubled.
func FuzzExecLine(f *testing.F) {
	for _, seed := range hostile(f) {
		f.Add("/opt/"+seed, seed)
	}
	f.Fuzz(func(t *testing.T, program, word string) {
		if CheckProgram(program) != nil || CheckReadable(word) != nil {
			return
		}
		line, literal := strings.CutPrefix(ExecLine([]string{program, word}), ":")
		if literal != strings.Contains(program, "$") {
			t.Fatalf("%q: variables are off: %v", program, literal)
		}
		first := quoteIfNeeded(Specifiers(program))
		rest, ok := strings.CutPrefix(line, first+" ")
		if !ok {
			t.Fatalf("%q does not begin with %s", line, first)
		}
		if !strings.HasPrefix(rest, `"`) {
			rest = `"` + rest + `"`
		}
		got, ok := unquote(rest)
		if !literal {
			got = strings.ReplaceAll(got, "$$", "$")
		}
		if !ok || got != word {
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
