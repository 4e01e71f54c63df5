package ruby

import "testing"

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		version, have string
		want          bool
	}{
		{"3.1.7", "3.1.7", true},
		{"3.1", "3.1.7", true},
		{"3.1", "3.10.0", false},
		{"3.1.2", "3.1.7", false},
		{"3.1.2", "3.1.20", false},
	} {
		if got := covers(c.version, c.have); got != c.want {
			t.Errorf("covers(%q, %q) is %v", c.version, c.have, got)
		}
	}
}
