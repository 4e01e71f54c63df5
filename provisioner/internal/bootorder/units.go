package bootorder

import (
	"strconv"
	"strings"
)

// Units are what `systemctl show` tells of several, by their Id.
type Units map[string]Properties

// Properties are one unit's, by their names.
type Properties map[string]string

// ParseUnits reads one paragraph for each unit, NAME=VALUE on each line.
func ParseUnits(text string) Units {
	all := Units{}
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		unit := Properties{}
		for line := range strings.Lines(paragraph) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			unit[name] = value
		}
		all[unit["Id"]] = unit
	}
	return all
}

// named is the same by every name that a unit has.
func (u Units) named() Units {
	all := Units{}
	for _, unit := range u {
		for name := range strings.FieldsSeq(unit["Names"]) {
			all[name] = unit
		}
	}
	return all
}

// time is a monotonic one in µs, and 0 for what has never happened.
func (p Properties) time(name string) int {
	us, err := strconv.Atoi(p[name])
	if err != nil {
		return 0
	}
	return us
}
