package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint/unitfile"
)

// specifiers are those of systemd.unit(5), up to release 257.
const specifiers = "aAbBCdDEfgGhHiIjJlLmMnNopPqsStTuUvVwWyY"

var (
	percentage     = regexp.MustCompile(`^\d+(\.\d+)?%$`)
	percentageKeys = regexp.MustCompile(`^(CPUQuota|TasksMax|(Startup|Default)?Memory(Low|Min|High|Max|SwapMax|ZSwapMax)|ManagedOOMMemoryPressureLimit)$`)
	alphanumeric   = regexp.MustCompile(`^[A-Za-z0-9]$`)
)

// percents are the characters after each "%" of a value that is not doubled;
// "" at its end. A percentage where one belongs has none.
func percents(a unitfile.Assignment) []string {
	if percentageKeys.MatchString(a.Key) && percentage.MatchString(a.Value) || ours(a.Section) || ours(a.Key) {
		return nil
	}
	var out []string
	for rest := a.Value; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return out
		}
		next := after[:min(1, len(after))]
		if next != "%" {
			out = append(out, next)
		}
		rest = after[len(next):]
	}
}

func isSpecifier(c string) bool { return c != "" && strings.Contains(specifiers, c) }

// percentUnknown reports "%" before a letter or digit that is no specifier.
func percentUnknown(u unit) []hit {
	return u.eachPercent(func(_ unitfile.Assignment, c string) bool {
		return alphanumeric.MatchString(c) && !isSpecifier(c)
	})
}

// percentStray reports "%" before anything else, or at the end.
func percentStray(u unit) []hit {
	return u.eachPercent(func(_ unitfile.Assignment, c string) bool { return !alphanumeric.MatchString(c) })
}

// percentSpecifier reports specifiers in the environment, where a "%" is
// mostly part of a URL or a format.
func percentSpecifier(u unit) []hit {
	return u.eachPercent(func(a unitfile.Assignment, c string) bool { return a.Key == "Environment" && isSpecifier(c) })
}

// eachPercent gives one hit for each directive and character. The value is not
// shown: it may be a password.
func (u unit) eachPercent(wrong func(a unitfile.Assignment, c string) bool) []hit {
	var out []hit
	for _, a := range u.Assignments {
		seen := []string{}
		for _, c := range percents(a) {
			if !wrong(a, c) || slices.Contains(seen, c) {
				continue
			}
			seen = append(seen, c)
			if alphanumeric.MatchString(c) {
				out = append(out, hitf(a.Line, "%s= has %%%s", a.Key, c))
			} else {
				out = append(out, hitf(a.Line, "%s= has a single %%", a.Key))
			}
		}
	}
	return out
}
