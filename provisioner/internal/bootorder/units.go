package bootorder

import (
	"strconv"
	"strings"
)

// units are what `systemctl show` tells of several, by their Id.
type units map[string]properties

type properties map[string]string

// parseUnits reads one paragraph for each unit, NAME=VALUE on each line.
func parseUnits(text string) units {
	all := units{}
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		unit := properties{}
		for line := range strings.Lines(paragraph) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			unit[name] = value
		}
		all[unit["Id"]] = unit
	}
	return all
}

// named is the same by every name that a unit has.
func (u units) named() units {
	all := units{}
	for _, unit := range u {
		for name := range strings.FieldsSeq(unit["Names"]) {
			all[name] = unit
		}
	}
	return all
}

// time is a monotonic one in µs, and 0 for what has never happened.
func (p properties) time(name string) int {
	us, err := strconv.Atoi(p[name])
	if err != nil {
		return 0
	}
	return us
}
