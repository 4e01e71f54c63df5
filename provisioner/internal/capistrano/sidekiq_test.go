package capistrano

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/app"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// unitsOf does what capistrano-sidekiq 3 does with what it is told.
func unitsOf(s *sidekiq) []string {
	var units []string
	for _, f := range s.Files {
		if f == own {
			units = append(units, s.Base+".service")
		} else {
			units = append(units, s.Base+"."+f[:len(f)-len(".yml")]+".service")
		}
	}
	return units
}

func TestSidekiqUnitsAreTold(t *testing.T) {
	for name, all := range map[string][]app.Sidekiq{
		"one":                  {{Unit: "shop_sidekiq_production.service"}},
		"one with a name":      {{Name: "mail", Unit: "shop_sidekiq_production.mail.service"}},
		"one of another name":  {{Name: "mail", Unit: "mailer.service"}},
		"first without a name": {{Unit: "a.b.service"}, {Name: "c", Unit: "a.b.c.service"}},
		"last without a name":  {{Name: "c", Unit: "x.c.service"}, {Unit: "x.service"}},
		"all with names":       {{Name: "a", Unit: "x.a.service"}, {Name: "b", Unit: "x.b.service"}},
		"dots":                 {{Unit: "x.service"}, {Name: "b", Unit: "x.b.c.service"}},
	} {
		var want []string
		for _, k := range all {
			want = append(want, string(k.Unit))
			if err := CheckSidekiq(all, k); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if diff := cmp.Diff(want, unitsOf(sidekiqOf(all))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSidekiqUnitsThatCannotBeToldAreRefused(t *testing.T) {
	for _, unit := range []systemd.UnitName{"mailer.service", "xy.service", "x.sidekiq.service", "x..service"} {
		all := []app.Sidekiq{{Unit: "x.service"}, {Name: "mail", Unit: unit}}
		if CheckSidekiq(all, all[1]) == nil {
			t.Errorf("%s passed", unit)
		}
	}
}
