//go:build linux

package testmachine

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// aptSource is one suite of one archive in the machine's apt sources.
type aptSource struct {
	uri        string
	suite      string
	components []string
}

// machineSources returns sources.list lines for suite on the mirrors that
// this machine itself uses, security included; none when it is no Debian,
// and mmdebstrap then knows Debian's own archive.
func machineSources(suite string) ([]string, error) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil, err
	}
	if osReleaseField(string(release), "ID") != "debian" {
		return nil, nil
	}
	sources, err := readSources("/etc/apt")
	if err != nil {
		return nil, err
	}
	return sourceLines(sources, osReleaseField(string(release), "VERSION_CODENAME"), suite), nil
}

// readSources reads an apt configuration directory, both formats of sources.list(5).
func readSources(dir string) ([]aptSource, error) {
	var sources []aptSource
	for pattern, parse := range map[string]func(string) []aptSource{
		"sources.list":             parseOneLine,
		"sources.list.d/*.list":    parseOneLine,
		"sources.list.d/*.sources": parseDeb822,
	} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			sources = append(sources, parse(string(text))...)
		}
	}
	for i := range sources {
		sources[i].uri = resolveMirrorFile(sources[i].uri)
	}
	return sources, nil
}

// parseOneLine reads `deb [options] uri suite component…` lines.
func parseOneLine(text string) []aptSource {
	var sources []aptSource
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(rest), "[") {
			_, rest, _ = strings.Cut(rest, "]")
		}
		if words := strings.Fields(rest); len(words) >= 3 {
			sources = append(sources, aptSource{words[0], words[1], words[2:]})
		}
	}
	return sources
}

// parseDeb822 reads the stanzas of a .sources file.
func parseDeb822(text string) []aptSource {
	var sources []aptSource
	field, name := map[string][]string{}, ""
	end := func() {
		enabled := !slices.Contains([]string{"no", "false", "0"}, strings.ToLower(strings.Join(field["enabled"], "")))
		if enabled && slices.Contains(field["types"], "deb") {
			for _, uri := range field["uris"] {
				for _, suite := range field["suites"] {
					sources = append(sources, aptSource{uri, suite, field["components"]})
				}
			}
		}
		field, name = map[string][]string{}, ""
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.TrimSpace(line) == "":
			end()
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			field[name] = append(field[name], strings.Fields(line)...)
		default:
			key, value, _ := strings.Cut(line, ":")
			name = strings.ToLower(strings.TrimSpace(key))
			field[name] = strings.Fields(value)
		}
	}
	end()
	return sources
}

// resolveMirrorFile follows a mirror list, which Debian's own cloud images
// use, to its first mirror: the guest has no such file.
func resolveMirrorFile(uri string) string {
	path, ok := strings.CutPrefix(uri, "mirror+file:")
	if !ok {
		return uri
	}
	text, err := os.ReadFile("/" + strings.TrimLeft(path, "/"))
	if err != nil {
		return uri
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 0 && !strings.HasPrefix(words[0], "#") {
			return words[0]
		}
	}
	return uri
}

// sourceLines carries a Debian machine's own suites (release, updates,
// security) over to another release on the same mirrors. Only what a guest
// can reach by itself counts: http and https. No line when the release itself has no mirror.
func sourceLines(sources []aptSource, own, wanted string) []string {
	var lines []string
	for _, suffix := range []string{"", "-updates", "-security"} {
		for _, s := range sources {
			if s.suite != own+suffix || !slices.Contains(s.components, "main") || !strings.HasPrefix(s.uri, "http") {
				continue
			}
			lines = append(lines, "deb "+s.uri+" "+wanted+suffix+" main")
			break
		}
		if len(lines) == 0 {
			return nil
		}
	}
	return lines
}

// osReleaseField reads one field of os-release(5).
func osReleaseField(text, key string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}
