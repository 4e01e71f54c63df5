package lint

import (
	"fmt"
	"slices"
)

// Version is a major, a minor and a patch number; zero is not known.
type Version [3]int

func (v Version) known() bool { return v != Version{} }

// before tells whether v is older.
func (v Version) before(other Version) bool { return slices.Compare(v[:], other[:]) < 0 }

// String is "6.1.0".
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }
