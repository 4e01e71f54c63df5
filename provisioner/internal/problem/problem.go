// Package problem collects everything that is wrong with a configuration, so
// that a person reads all of it at once and in words.
package problem

import (
	"errors"
	"fmt"
	"strings"
)

// Unknown is what Packer puts in place of a value that it does not know yet,
// alone or inside a longer string: build.* and data sources at `packer validate`.
const Unknown = "<unknown>"

// List collects problems. The zero value is lenient: a mistake in a text that
// holds Unknown is not reported, because the real text is still to come.
type List struct {
	// Strict reports such mistakes too. Provision is strict.
	Strict bool
	errs   []error
	// unknown is set once something could not be judged.
	unknown bool
}

// Add reports err at a field path such as `app[1].puma.port`. A nil err is no problem.
func (l *List) Add(field string, err error) {
	if err != nil {
		l.errs = append(l.errs, fmt.Errorf("%s: %w", field, err))
	}
}

// AddAll reports joined errors that name their fields themselves.
func (l *List) AddAll(err error) {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		l.errs = append(l.errs, joined.Unwrap()...)
	} else if err != nil {
		l.errs = append(l.errs, err)
	}
}

// Addf reports a sentence at a field path.
func (l *List) Addf(field, format string, args ...any) {
	l.Add(field, fmt.Errorf(format, args...))
}

// Known tells whether text can be judged.
func (l *List) Known(text string) bool {
	if l.Strict || !strings.Contains(text, Unknown) {
		return true
	}
	l.unknown = true
	return false
}

// Complete tells whether everything was known and nothing was wrong.
func (l *List) Complete() bool { return !l.unknown && len(l.errs) == 0 }

// Err joins everything that was reported; nil when nothing was.
func (l *List) Err() error { return errors.Join(l.errs...) }

// Parse runs a constructor on a field's text and reports what it says, unless
// the text is not known yet.
func Parse[T any](l *List, field, text string, parse func(string) (T, error)) T {
	value, err := parse(text)
	if err != nil && l.Known(text) {
		l.Add(field, err)
	}
	return value
}
