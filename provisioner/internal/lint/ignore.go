package lint

import (
	"fmt"
	"slices"
	"strings"
)

// Ignore silences one rule, and says why.
type Ignore struct{ ID, Reason string }

// Check tells what is wrong with it: a rule that does not exist, or no reason.
func (i Ignore) Check() error {
	var ids []string
	for _, r := range Rules() {
		ids = append(ids, r.ID)
	}
	switch {
	case !slices.Contains(ids, i.ID):
		return fmt.Errorf("the linter has no rule %q: nothing would be ignored; write one of %s", i.ID, strings.Join(ids, ", "))
	case strings.TrimSpace(i.Reason) == "":
		return fmt.Errorf("rule %s is ignored without a reason: who reads this next has to know whether it still holds; say in reason why it does no harm here", i.ID)
	}
	return nil
}

// Apply leaves out the findings that somebody ignores. Ignores that met no
// finding are in unused: they can go.
func Apply(findings []Finding, ignores []Ignore) (kept []Finding, unused []Ignore) {
	met := map[string]bool{}
	for _, f := range findings {
		if slices.ContainsFunc(ignores, func(i Ignore) bool { return i.ID == f.Rule.ID }) {
			met[f.Rule.ID] = true
		} else {
			kept = append(kept, f)
		}
	}
	for _, i := range ignores {
		if !met[i.ID] {
			unused = append(unused, i)
		}
	}
	return kept, unused
}
