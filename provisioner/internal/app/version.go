package app

import (
	"fmt"
	"regexp"
	"strconv"
)

// Version is a gem's version, for example 6.6; what is left out is 0.
type Version struct{ Major, Minor, Patch int }

var version = regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(\.\d+)*$`)

// AtLeast compares.
func (v Version) AtLeast(low Version) bool {
	if v.Major != low.Major {
		return v.Major > low.Major
	}
	if v.Minor != low.Minor {
		return v.Minor > low.Minor
	}
	return v.Patch >= low.Patch
}

// numbers are major, minor and patch.
func (v Version) numbers() [3]int { return [3]int{v.Major, v.Minor, v.Patch} }

// Gem is a program that may be able to tell systemd when it is ready.
type Gem struct {
	Name string
	// Example is a version that people could write.
	Example string
	// Notifies is the first version that speaks sd_notify by itself.
	Notifies Version
	// NotifiesWithGem is the first that does with the sd_notify gem in the
	// bundle; equal to Notifies when that gem makes no difference.
	NotifiesWithGem Version
}

// PumaGem speaks sd_notify by itself from 6.1 on (puma's History.md), and from
// 5.1 on with the sd_notify gem.
func PumaGem() Gem {
	return Gem{Name: "puma", Example: "6.6", Notifies: Version{6, 1, 0}, NotifiesWithGem: Version{5, 1, 0}}
}

// SidekiqGem carries its own sd_notify from 6.0.6 on (sidekiq's Changes.md).
func SidekiqGem() Gem {
	return Gem{Name: "sidekiq", Example: "7.3.2", Notifies: Version{6, 0, 6}, NotifiesWithGem: Version{6, 0, 6}}
}

// String leaves a last 0 out.
func (v Version) String() string {
	if v.Patch == 0 {
		return fmt.Sprintf("%d.%d", v.Major, v.Minor)
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

// ParseVersion reads "6.6" or "6.6.0".
func (g Gem) ParseVersion(text string) (Version, error) {
	m := version.FindStringSubmatch(text)
	if m == nil {
		return Version{}, fmt.Errorf("%q is no %s version: it decides about Type=notify; write the one in Gemfile.lock, for example %q", text, g.Name, g.Example)
	}
	major, _ := strconv.Atoi(m[1]) // the pattern allows digits only
	minor, _ := strconv.Atoi(m[2])
	patch, _ := strconv.Atoi(m[3]) // or nothing, which is 0
	return Version{major, minor, patch}, nil
}
