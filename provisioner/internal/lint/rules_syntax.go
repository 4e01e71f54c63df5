package lint

import (
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/unitfile"
)

// syntax reports lines that systemd ignores, or refuses the file for.
func syntax(u unit) []hit {
	var out []hit
	for _, m := range u.Mistakes {
		out = append(out, hit{m.Line, m.Text})
	}
	for _, s := range u.Sections {
		if _, ok := directives[s.Name]; !ok && !ours(s.Name) {
			out = append(out, hitf(s.Line, "[%s] is no section of a unit", s.Name))
		}
	}
	return out
}

// unknownDirective reports keys that systemd has under no such section.
func unknownDirective(u unit) []hit {
	var out []hit
	for _, a := range u.Assignments {
		if _, section := directives[a.Section]; section && !ours(a.Key) && !knownDirective(a.Section, a.Key) {
			out = append(out, hitf(a.Line, "%s= is no directive of [%s]", a.Key, a.Section))
		}
	}
	return out
}

// openQuote reports commands and variables whose quotes do not close.
func openQuote(u unit) []hit {
	var out []hit
	for _, a := range append(u.commands(), u.List("Service", "Environment")...) {
		if _, ok := unitfile.Words(a.Value); !ok {
			out = append(out, hitf(a.Line, "a quote or an escape of %s= does not end", a.Key))
		}
	}
	return out
}

// pathKeys are directives of one absolute path each.
var pathKeys = map[string][]string{
	"Unit": {"ConditionPathExists", "ConditionPathExistsGlob", "ConditionPathIsDirectory", "ConditionPathIsSymbolicLink",
		"ConditionDirectoryNotEmpty", "ConditionFileNotEmpty", "AssertPathExists"},
	"Service": {"WorkingDirectory", "EnvironmentFile"},
	"Socket":  {"ListenStream"},
	"Path":    {"PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"},
}

// relativePath reports paths that are not absolute. A specifier such as %h
// makes one that is, and WorkingDirectory= knows "~". What ListenStream= has
// without a slash is a port, and what begins with "@" is no file.
func relativePath(u unit) []hit {
	var out []hit
	for section, keys := range pathKeys {
		for _, key := range keys {
			for _, a := range u.List(section, key) {
				p := strings.TrimLeft(a.Value, "-|! ")
				if key == "ListenStream" && (!strings.Contains(p, "/") || strings.HasPrefix(p, "@")) {
					continue
				}
				if !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "%") && p != "~" {
					out = append(out, hitf(a.Line, "%s=%s is not absolute", key, a.Value))
				}
			}
		}
	}
	return out
}
