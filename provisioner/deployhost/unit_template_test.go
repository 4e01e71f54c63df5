package deployhost

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// everyKind has a service of each, with all that the built-in template can write.
const everyKind = `
-- host.hcl --
app {
  name = "shop"
  env  = { GREETING = "100% \"ready\"" }
  puma {
    version    = "6.6"
    memory_max = "512M"
    log        = "file"
TEMPLATE
  }
  sidekiq {
    quiet_timeout = "20s"
TEMPLATE
  }
  service {
    name    = "clock"
    command = "clock 'a b'"
    extra   = { Nice = "5" }
TEMPLATE
  }
}
instance {
  value {
    name = "CELL"
    from = "tag:cell"
  }
}
`

// TestACopyOfTheBuiltInTemplateChangesNothing is what people are told to begin with.
func TestACopyOfTheBuiltInTemplateChangesNothing(t *testing.T) {
	builtIn, err := filepath.Abs("../internal/app/templates/app.service")
	if err != nil {
		t.Fatal(err)
	}
	render := func(line string) string {
		text := strings.ReplaceAll(everyKind, "TEMPLATE", line)
		p, err := decode(t, txtar.Parse([]byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		c := planned(t, p)
		return encode(t, c.blueprint) + strings.Join(c.warnings, "\n")
	}
	if diff := cmp.Diff(render(""), render(`unit_template = "`+builtIn+`"`)); diff != "" {
		t.Errorf("(-built-in +copy):\n%s", diff)
	}
}
