package lint

import (
	_ "embed"
	"slices"
	"strings"
)

//go:embed directives.txt
var directivesText string

// directives are the keys that systemd reads, by section.
var directives = readDirectives(directivesText)

func readDirectives(text string) map[string][]string {
	out := map[string][]string{}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
		} else if line != "" && !strings.HasPrefix(line, "#") {
			out[section] = append(out[section], line)
		}
	}
	return out
}

// ours tells whether a name is left to people: systemd ignores it in silence.
func ours(name string) bool { return strings.HasPrefix(name, "X-") }

func knownDirective(section, key string) bool {
	return slices.Contains(directives[section], key)
}
