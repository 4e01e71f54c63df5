package systemd

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// hostile are the values in testdata/hostile.txt.
func hostile(tb testing.TB) []string {
	tb.Helper()
	text, err := os.ReadFile("testdata/hostile.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var values []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.Unquote(line)
		if err != nil {
			tb.Fatalf("%s: %v", line, err)
		}
		values = append(values, value)
	}
	return values
}
