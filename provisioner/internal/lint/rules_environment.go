package lint

import (
	"regexp"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/unitfile"
)

// environmentWords reports what systemd drops from an Environment= line.
func environmentWords(u unit) []hit {
	var out []hit
	for _, a := range u.List("Service", "Environment") {
		words, _ := unitfile.Words(a.Value)
		for i, w := range words {
			if !assignment.MatchString(w) {
				out = append(out, hitf(a.Line, "word %d of Environment= is no NAME=value", i+1))
			}
		}
	}
	return out
}

// variableName is what may be shown of a word: an option's name or a variable's.
var variableName = regexp.MustCompile(`^-*[A-Za-z_][A-Za-z0-9_-]*$`)

// secret reports variables that look like one by name or value, in the
// environment and in commands, and credentials within the unit.
func secret(u unit) []hit {
	var out []hit
	for _, a := range append(u.List("Service", "Environment"), u.commands()...) {
		words, _ := unitfile.Words(a.Value)
		for _, w := range words {
			name, value, ok := strings.Cut(w, "=")
			if !ok || !variableName.MatchString(name) {
				name, value = "a word", w
			}
			if app.CheckSecret(strings.TrimLeft(strings.ReplaceAll(name, "-", "_"), "_"), value) != nil {
				out = append(out, hitf(a.Line, "%s= holds %s, which looks like a secret", a.Key, name))
			}
		}
	}
	for _, a := range u.List("Service", "SetCredential") {
		name, _, _ := strings.Cut(a.Value, ":")
		out = append(out, hitf(a.Line, "SetCredential= holds %s", name))
	}
	return out
}

// optionalFile reports "-" before the file with the values that must be there.
func optionalFile(u unit) []hit {
	var out []hit
	for _, a := range u.List("Service", "EnvironmentFile") {
		if p, ok := strings.CutPrefix(a.Value, "-"); ok && u.facts.RequiredFile != "" && p == u.facts.RequiredFile {
			out = append(out, hitf(a.Line, "EnvironmentFile=%s is optional, and holds required values", a.Value))
		}
	}
	return out
}
