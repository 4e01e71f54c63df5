package systemd

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// unreadable says why no file of systemd's can hold a text, "" when it can:
// systemd knows a UTF-8 without noncharacters (basic/utf8.c,
// unichar_is_valid), and NUL ends a string.
func unreadable(text string) string {
	if !utf8.ValidString(text) {
		return "is not UTF-8"
	}
	for at, r := range text {
		switch {
		case r == 0:
			return fmt.Sprintf("holds a NUL at byte %d", at)
		case nonCharacter(r):
			return fmt.Sprintf("holds the noncharacter %U at byte %d", r, at)
		}
	}
	return ""
}

func nonCharacter(r rune) bool {
	return r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE
}

// CheckReadable refuses a text for which systemd would refuse the whole unit.
// For variables there is CheckEnvValue.
func CheckReadable(text string) error {
	if what := unreadable(text); what != "" {
		return fmt.Errorf("it %s, for which systemd refuses the whole unit: leave it out, or let the program read it from a file", what)
	}
	return nil
}

// CheckProgram refuses a path that systemd starts nothing from, however it is
// quoted (core/load-fragment.c, config_parse_exec): the first word of ExecStart=.
func CheckProgram(path string) error {
	switch {
	case !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/"):
		return fmt.Errorf("%q is no program's path from /, and systemd has no working directory to look in: write for example \"/usr/bin/env\"", path)
	case strings.ContainsAny(path, `"'\`) || strings.ContainsFunc(path, control):
		return fmt.Errorf("%q has a quote, a backslash or a control character, and systemd refuses such a program however it is quoted: rename it, or call it from a script", path)
	case strings.HasSuffix(path, " "):
		return fmt.Errorf("%q ends in a space, and systemd 257 looks for a program without it: rename it, or call it from a script", path)
	}
	return CheckReadable(path)
}

func control(r rune) bool { return r < ' ' || r == 0x7f }
