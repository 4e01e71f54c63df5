package deployhost

import (
	"fmt"
	"slices"
)

// shadows reports puma's fields that an instance value overrides at every
// boot: two places would say the same thing, and one of them never counts.
func (t *translator) shadows(c *Config) {
	if c.Instance == nil {
		return
	}
	for i := range c.Apps {
		p := c.Apps[i].Puma
		if p == nil {
			continue
		}
		at := fmt.Sprintf("app[%d].puma.", i)
		for j, v := range c.Instance.Values {
			field, n := p.shadowed(v.Name)
			if n == nil || len(v.Apps) > 0 && !slices.Contains(v.Apps, c.Apps[i].Name) {
				continue
			}
			t.Addf(at+field, "%d and instance.value[%d] (%s) say the same thing, and the value counts at every boot; leave %s out, and write default = \"%d\" into the value for instances that have none", *n, j, v.Name, field, *n)
		}
	}
}

// shadowed is the field that puma.rb reads the variable for, and what was
// written there; nil for nothing.
func (p *Puma) shadowed(variable string) (field string, written *int) {
	switch variable {
	case "WEB_CONCURRENCY":
		return "workers", p.Workers
	case "RAILS_MIN_THREADS":
		return "min_threads", nonZero(&p.MinThreads)
	case "RAILS_MAX_THREADS":
		return "max_threads", nonZero(&p.MaxThreads)
	default:
		return "", nil
	}
}

func nonZero(n *int) *int {
	if *n == 0 {
		return nil
	}
	return n
}
