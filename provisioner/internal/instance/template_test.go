package instance

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRender(t *testing.T) {
	t.Parallel()
	values := map[string]string{"A": "1", "B_2": "${A}", "EMPTY": ""}
	for _, tc := range []struct{ template, want, err string }{
		{"", "", ""},
		{"plain $ text $A $(id) $$ {A}", "plain $ text $A $(id) $$ {A}", ""},
		{"${A}", "1", ""},
		{"x${A}${B_2}y${EMPTY}z", "x1${A}yz", ""},
		{"$${A}", "${A}", ""},
		{"$$${A}", "$${A}", ""},
		{"$${$${A}${A}", "${${A}1", ""},
		{"$${", "${", ""},
		{"${MISSING}", "", "${MISSING} has no value"},
		{"a\nb ${", "", "line 2"},
		{"$${\n\n${1A}", "", "line 3"},
		{"${A }", "", "line 1"},
		{"${A", "", "line 1"},
		{"${}", "", "line 1"},
		{"${A:-default}", "", "line 1"},
	} {
		got, err := Render(tc.template, values)
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%q: %q, %v", tc.template, got, err)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	t.Parallel()
	got, err := Placeholders("${B} $${C} ${A} ${B}")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"B", "A"}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzRender(f *testing.F) {
	for _, template := range []string{"", "${A}", "$${A}", "$$${A}", "${A}${B}$${", "${", "$", "a\n${1}"} {
		f.Add(template, "${A}")
	}
	f.Fuzz(func(t *testing.T, template, value string) {
		names, err := Placeholders(template)
		if err != nil {
			if _, err := Render(template, nil); err == nil {
				t.Fatal("rendered what has no placeholders")
			}
			return
		}
		values := map[string]string{}
		for _, name := range names {
			values[name] = value
		}
		got, err := Render(template, values)
		if err != nil {
			t.Fatalf("a template whose placeholders are known: %v", err)
		}
		// What a user writes literally comes out literally.
		if literal, err := Render(strings.ReplaceAll(template, "${", "$${"),
			nil); err != nil || literal != template && !strings.Contains(template, "$${") {
			t.Fatalf("%q escaped gives %q, %v", template, literal, err)
		}
		if len(names) == 0 {
			return
		}
		if !strings.Contains(got, value) {
			t.Fatalf("%q does not hold %q", got, value)
		}
		delete(values, slices.Min(names))
		if _, err := Render(template, values); err == nil {
			t.Fatal("rendered without one of its values")
		}
	})
}
