package instance

import (
	"fmt"
	"regexp"
	"strings"
)

// piece is a part of a template: literal text or, when name is not empty, a placeholder.
type piece struct {
	text string
	name string
}

var placeholder = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// parseTemplate splits a template. The first of "$${" (a literal "${") and
// "${NAME}" from the left wins; any other "$" stands for itself.
func parseTemplate(template string) ([]piece, error) {
	var pieces []piece
	rest := template
	for {
		at := strings.Index(rest, "${")
		if at < 0 {
			return append(pieces, piece{text: rest}), nil
		}
		if at > 0 && rest[at-1] == '$' {
			pieces = append(pieces, piece{text: rest[:at-1] + "${"})
			rest = rest[at+len("${"):]
			continue
		}
		match := placeholder.FindStringSubmatch(rest[at:])
		if match == nil {
			line := 1 + strings.Count(template[:len(template)-len(rest)+at], "\n")
			return nil, fmt.Errorf("line %d: \"${\" begins no ${NAME}: name a value of letters, digits and \"_\", or write "+
				"\"$${\" where a literal \"${\" is meant", line)
		}
		pieces = append(pieces, piece{text: rest[:at]}, piece{name: match[1]})
		rest = rest[at+len(match[0]):]
	}
}

// Placeholders gives the names that a template holds as ${NAME}, each once, in
// the order of their first appearance. A "${" that begins no name is an error
// which gives its line; "$${" is a literal "${".
func Placeholders(template string) ([]string, error) {
	pieces, err := parseTemplate(template)
	if err != nil {
		return nil, err
	}
	var names []string
	seen := map[string]bool{}
	for _, p := range pieces {
		if p.name != "" && !seen[p.name] {
			seen[p.name] = true
			names = append(names, p.name)
		}
	}
	return names, nil
}

// Render puts values into a template. What a value holds is never read as a
// template again, and nothing is quoted: the template's language is not known
// here. A name that values does not hold is an error.
func Render(template string, values map[string]string) (string, error) {
	pieces, err := parseTemplate(template)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, p := range pieces {
		if p.name == "" {
			out.WriteString(p.text)
			continue
		}
		value, ok := values[p.name]
		if !ok {
			return "", fmt.Errorf("${%s} has no value: declare one of that name for the app, or write $${%s} if it is meant literally",
				p.name, p.name)
		}
		out.WriteString(value)
	}
	return out.String(), nil
}
