package deployhost

import (
	"fmt"
	"slices"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/lint"
)

func (t *translator) lintIgnores(ignores []LintIgnore) {
	for i, configured := range ignores {
		ignore := lint.Ignore{ID: configured.ID, Reason: configured.Reason}
		if t.Known(ignore.ID + ignore.Reason) {
			t.Add(fmt.Sprintf("lint_ignore[%d]", i), ignore.Check())
		}
		t.ignores = append(t.ignores, ignore)
	}
}

// secret reports what looks like one, unless somebody has said that it is none.
func (t *translator) secret(field, name, value string) {
	const rule = "secret"
	err := app.CheckSecret(name, value)
	if err != nil && slices.ContainsFunc(t.ignores, func(i lint.Ignore) bool { return i.ID == rule }) {
		t.ignored = append(t.ignored, rule)
		return
	}
	t.Add(field, err)
}

// lint reports the linter's errors, and gives back its warnings in words.
func (t *translator) lint(findings []lint.Finding) (warnings []string) {
	kept, unused := lint.Apply(findings, t.ignores)
	for _, f := range kept {
		if f.Rule.Severity == lint.Error {
			t.AddAll(fmt.Errorf("%s", f)) //nolint:err113 // the finding is its own sentence
		} else {
			warnings = append(warnings, f.String())
		}
	}
	for _, i := range unused {
		if !slices.Contains(t.ignored, i.ID) {
			warnings = append(warnings, fmt.Sprintf("lint_ignore %s: nothing breaks this rule; remove the block, or it will hide what does one day", i.ID))
		}
	}
	return warnings
}
