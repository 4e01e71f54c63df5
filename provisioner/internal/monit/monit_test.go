package monit

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCyclesExceedWhatSystemdNeeds(t *testing.T) {
	for _, c := range []struct{ interval, settle time.Duration }{
		{30 * time.Second, 61 * time.Second}, {5 * time.Second, 31 * time.Second}, {time.Hour, time.Second}, {time.Second, 0},
	} {
		m := Monit{Interval: c.interval}
		if n := m.Cycles(c.settle); time.Duration(n)*c.interval <= c.settle {
			t.Errorf("%d cycles of %s do not exceed %s", n, c.interval, c.settle)
		}
	}
}

func TestGraceIsAllThatAStartMayTake(t *testing.T) {
	for _, settle := range []time.Duration{0, time.Second, 61 * time.Second, 10 * time.Minute} {
		if grace := (Check{Settle: settle}).Grace(); grace < 5 || time.Duration(grace)*time.Second < settle {
			t.Errorf("a process that may take %s is left alone for %d s", settle, grace)
		}
	}
}

func FuzzContent(f *testing.F) {
	for _, seed := range []string{"ok", "a(b", "[x]", "^$", "a.b*c+", "100%", `\`, `"`, "|", "]["} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := ParseText(text)
		if err != nil || text == "" {
			return
		}
		expression := literally(string(parsed))
		if strings.ContainsAny(expression, "\"\\\n\r") {
			t.Fatalf("%q would end monit's string: %s", text, expression)
		}
		// Go reads POSIX brackets the same way, but for collating symbols.
		re, err := regexp.CompilePOSIX(strings.ReplaceAll(expression, "[[.^.]]", `\^`))
		if err != nil {
			t.Fatalf("%q: %v", expression, err)
		}
		if found := re.FindString("before " + text + " after"); found != text {
			t.Errorf("%q matched %q", expression, found)
		}
	})
}

func FuzzHost(f *testing.F) {
	for _, seed := range []string{"a.example", "a:80", "a]b", "a b", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if host, err := ParseHost(text); err == nil && strings.ContainsAny(string(host), "[]\"' \r\n,") {
			t.Errorf("%q passed", text)
		}
	})
}

// A limit that could not be met in its window would be no limit.
func TestRestartLimitFitsItsWindow(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 30 * time.Second, time.Hour} {
		m := Monit{Interval: interval}
		for _, limit := range []int{1, 3, 100} {
			c := Check{Limit: limit, Stop: 30 * time.Second, Settle: 61 * time.Second}
			least := m.LeastWindow(c)
			if alone := time.Duration(limit) * (c.Stop + c.Settle); least <= alone {
				t.Errorf("every %s: %d restarts take %s, and may be limited within %s", interval, limit, alone, least)
			}
			if window := time.Duration(round{c, m}.Rounds()) * interval; window < least {
				t.Errorf("every %s: %d restarts are counted for %s, which is less than %s", interval, limit, window, least)
			}
		}
	}
}

// A ceiling must not count what a start needs.
func TestCeilingsExceedAStart(t *testing.T) {
	r := round{Check{Memory: "1 GB", CPU: "40%", Settle: 61 * time.Second, Exceeded: time.Second}, Monit{Interval: 30 * time.Second}}
	want := []string{"total memory > 1 GB for 4 cycles", "total cpu > 40% for 4 cycles"}
	if got := r.Ceilings(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzMail(f *testing.F) {
	for _, seed := range []string{"ops@example.com", "a@b } set alert c@d", "a b@c", "x@y\nset daemon 1", `a@"b"`, "::1", "#", "-a@b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, noAddress := ParseAddress(text)
		_, noServer := ParseServer(text)
		if (noAddress == nil || noServer == nil) && strings.ContainsAny(text, " \"'{}#\\\r\n\t,=") {
			t.Errorf("%q passed", text)
		}
	})
}
