package app

import "testing"

// TestDirectiveIsReadable wants no value for which systemd would refuse the unit.
func TestDirectiveIsReadable(t *testing.T) {
	t.Parallel()
	if _, err := ParseDirective("service", "SyslogLevelPrefix", "no \U0010fffd"); err != nil {
		t.Error(err)
	}
	for _, value := range []string{"\uffff", "\ufdd0", "\xff", "a\x00", "a\n", `a\`, " "} {
		if d, err := ParseDirective("service", "Nice", value); err == nil {
			t.Errorf("%q: read as %v", value, d)
		}
	}
}
