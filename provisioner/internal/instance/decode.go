package instance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Decode reads rules. Unknown fields, another Format, anything behind the
// object and broken rules are errors: a rule that is not understood may be one
// that would have refused a value.
func Decode(data []byte) (*Rules, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var r Rules
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("decode instance rules: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode instance rules: something follows the object")
	}
	if r.Format != Format {
		return nil, fmt.Errorf("instance rules have format %d, but this tool speaks %d: bake the image anew, with the rules and "+
			"the tool of one release", r.Format, Format)
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return &r, nil
}

// AppliesTo tells whether the app gets the value.
func (v Value) AppliesTo(app string) bool {
	return len(v.Apps) == 0 || slices.Contains(v.Apps, app)
}

// ValuesFor gives an app's values, in order.
func (r *Rules) ValuesFor(app string) []Value {
	var out []Value
	for _, v := range r.Values {
		if v.AppliesTo(app) {
			out = append(out, v)
		}
	}
	return out
}
