package blueprint

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Mode is permission bits, at most 07777, written "0644" in JSON so that people can read it.
type Mode uint32

// String gives four octal digits.
func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

// MarshalJSON writes the octal form.
func (m Mode) MarshalJSON() ([]byte, error) { return json.Marshal(m.String()) }

// UnmarshalJSON reads the octal form.
func (m *Mode) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o7777 {
		return fmt.Errorf("mode %q: want four octal digits", s)
	}
	*m = Mode(n)
	return nil
}
