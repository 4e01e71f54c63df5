package status

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// plain fails when a terminal could obey a text, or it has several lines.
func plain(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("not plain: %q", text)
	}
}

func FuzzReadable(f *testing.F) {
	for _, text := range []string{"plain", "\x1b[1;31mred\x1b[0m", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x1b[", "\x9b2J", "a\u202eb", "\xff", "\ufffd", "a\tb\r\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain(t, readable(text))
		if once := readable(text); readable(once) != once {
			t.Errorf("%q is not stable", once)
		}
	})
}

func FuzzParseShow(f *testing.F) {
	f.Add("Id=a.socket\nLoadState=loaded\nActiveState=active\nActiveEnterTimestamp=\n\nId=b.service\nNRestarts=3\nResult=a=b\n")
	f.Add("Id=a\nExecMainCode=1\nExecMainStatus=99999999999999999999\nMemoryCurrent=[not set]\nNRestarts=-1\nActiveState=failed\nInactiveEnterTimestamp=Sun 2026-11-22 11:58:30 UTC")
	f.Fuzz(func(t *testing.T, out string) {
		for name, found := range parseShow(out) {
			u := found.unit(name)
			for _, text := range []string{u.LoadState, u.UnitFileState, u.ActiveState, u.SubState, u.Result} {
				plain(t, text)
			}
			if !strings.Contains(out, "Id="+name) || found.number("NRestarts") < 0 {
				t.Errorf("%q: %+v", name, u)
			}
			_ = found.exit()
		}
	})
}

func FuzzParseMonit(f *testing.F) {
	f.Add(`<?xml version="1.0" encoding="ISO-8859-1"?><monit><service type="3"><name>a` + "\xe4" + `</name><status>544</status><monitor>1</monitor></service></monit>`)
	f.Add(`<monit><service><name>a</name><status>18446744073709551615</status></service></monit>`)
	f.Add(`<monit><service><name><![CDATA[`)
	f.Fuzz(func(t *testing.T, text string) {
		services, _, err := parseMonit(strings.NewReader(text))
		if err != nil && services != nil {
			t.Errorf("%v, and %v", services, err)
		}
		for name, s := range services {
			if !utf8.ValidString(name) || len(s.Failed) > 64 {
				t.Errorf("%q: %v", name, s)
			}
		}
	})
}

func FuzzParseJournal(f *testing.F) {
	f.Add(`{"__REALTIME_TIMESTAMP":"1795348700000000","_SYSTEMD_USER_UNIT":"a","MESSAGE":"secret one"}`)
	f.Add(`{"MESSAGE":[27,91,115,101,99,114,101,116]}` + "\n" + `{"MESSAGE":null}` + "\n" + `{"MESSAGE":[300,-1]}`)
	f.Fuzz(func(t *testing.T, out string) {
		l := &look{}
		l.hide("secret\nanother")
		lines := l.parseJournal(out, "a")
		if len(lines) > ownLines+managerLines {
			t.Errorf("%d lines", len(lines))
		}
		for _, line := range lines {
			plain(t, line.Text)
			if len(line.Text) > maxLine+len("…") || strings.Contains(line.Text, "another") {
				t.Errorf("%q", line.Text)
			}
		}
		// Files are cut at newlines.
		for line := range strings.Lines(out) {
			plain(t, l.logText(line))
		}
	})
}

// FuzzWriteJSON wants what a machine reads to be what was collected.
func FuzzWriteJSON(f *testing.F) {
	f.Add("\x1b[2J \x7f \u009b \u202e \u2028 \U000e0001 <&>")
	f.Fuzz(func(t *testing.T, text string) {
		report := Judge(State{FirstBoot: FirstBoot{Values: []Value{{Name: "A", Text: &text}}}})
		var out strings.Builder
		if err := report.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		plain(t, strings.ReplaceAll(out.String(), "\n", ""))
		var back Report
		if err := json.Unmarshal([]byte(out.String()), &back); err != nil {
			t.Fatal(err)
		}
		if got := *back.FirstBoot.Values[0].Text; got != strings.ToValidUTF8(text, "\ufffd") && utf8.ValidString(text) {
			t.Errorf("%q came back as %q", text, got)
		}
	})
}
