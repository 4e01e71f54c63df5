package app

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

var commands = []string{
	"bundle exec clockwork lib/clock.rb",
	`/usr/bin/agent --title='100% $HOME' "a b" c\ d`,
	"puma -b tcp://[::1]:3000", "ruby -e 'p 1; p 2'", `ruby -e "puts \"a\" \\ b"`, `echo '' ""`, `echo a\*b "*" '?' \~`, `echo é "ü ß"`,
	"echo a#b @x %h !x ^y", "echo 'two\nlines'", "a  \t b", "echo a\\\nb", "echo 'a'\"b\"c", "echo {} a}b", `echo x=y a~b`,
}

var needShell = []string{
	"a $B", "a ${B}", `a "$B"`, "a $(b)", "a `b`", "a | b", "a > b", "a 2>&1", "a < b", "a & b", "a && b", "a; b", "a *.rb", "a [bc]", "a b?",
	"a {b,c}", "~/bin/a", "a ~", "(a)", "a $'b'", `a $"b"`, "a 'b", `a "b`, "a <(b)", "a $((1+1))", "# a", "a !(b)", "A=b c", "bin/a", "./a", "'' a", "-a", "",
}

// unwritable cannot be in a unit file, whatever a shell says.
var unwritable = []string{
	"a \uffff", "a \xff", "a \x00", `"/opt/it's"`, `'/opt/"a"' b`, `'/opt/a\b'`, "'/opt/a\nb'", "/opt/bin/", "'/opt/a '",
}

// TestWordsAreTheShells lets sh split what passes, too.
func TestWordsAreTheShells(t *testing.T) {
	t.Parallel()
	for _, text := range commands {
		words, err := ParseWords(text)
		if err != nil {
			if strings.ContainsAny(text, "[{") {
				continue // a pattern that this sh happens to leave alone
			}
			t.Errorf("%q: %v", text, err)
			continue
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", `for w in `+text+`; do printf '%s\0' "$w"; done`).Output()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Join(words, "\x00")+"\x00", string(out)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestShellIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range slices.Concat(needShell, unwritable) {
		if words, err := ParseWords(text); err == nil {
			t.Errorf("%q became %q", text, words)
		}
	}
}

func FuzzParseWords(f *testing.F) {
	for _, text := range append(commands, needShell...) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := ParseWords(text)
		if err != nil {
			return
		}
		if len(words) == 0 || words[0] == "" {
			t.Fatalf("%q has no program: %q", text, words)
		}
		if line := systemd.ExecLine(words); strings.ContainsAny(line, "\n\r") || strings.HasSuffix(line, `\`) {
			t.Fatalf("%q does not stay on its line: %s", text, line)
		}
	})
}

func FuzzParseDirective(f *testing.F) {
	for _, seed := range [][2]string{{"Nice", "5"}, {"User", "x"}, {"Nice", "5\nUser=x"}, {"Nice=5\nUser", "x"}, {"Nice", `5\`}, {"[Unit]", "x"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		d, err := ParseDirective("service", name, value)
		if err != nil {
			return
		}
		line := d.Name + "=" + d.Value
		if strings.ContainsAny(line, "\n\r\x00") || strings.HasSuffix(line, `\`) || strings.HasPrefix(line, "User") || strings.HasPrefix(line, "[") {
			t.Fatalf("%q passed", line)
		}
	})
}
