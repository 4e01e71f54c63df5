package deployhost

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/packer-plugin-sdk/packer"
	"github.com/hashicorp/packer-plugin-sdk/template/config"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/plan"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/remote"
)

// Provisioner bakes a ready-to-deploy host into the machine that Packer has
// started. It implements packer.Provisioner.
type Provisioner struct {
	config Config
}

var _ packer.Provisioner = (*Provisioner)(nil)

// ConfigSpec is generated from the schema.
func (p *Provisioner) ConfigSpec() hcldec.ObjectSpec { return p.config.FlatMapstructure().HCL2Spec() }

// Prepare reads and checks the configuration. Packer calls it at `packer
// validate`, and again before every Provision on the same instance, so it
// starts from nothing each time.
func (p *Provisioner) Prepare(raws ...any) error {
	p.config = Config{}
	// Packer's Go templates would run over every nested string, which is why
	// HCL2 has its own: "%" and "{{" stay what they are.
	err := config.Decode(&p.config, &config.DecodeOpts{PluginType: "deployhost", Interpolate: false}, raws...)
	if err != nil {
		return err
	}
	_, err = p.config.check(false)
	return inWords(err)
}

// check is everything that is known without the machine being baked. The
// blueprint is rendered, and what is in it linted, once all of it is known.
func (c *Config) check(strict bool) (checked, error) {
	t := newTranslator(strict)
	t.lintIgnores(c.LintIgnores)
	out := checked{host: t.host(c), session: t.session(c)}
	if t.Complete() {
		t.supervision(c, out.host)
	}
	if !t.Complete() {
		return out, t.Err()
	}
	var err error
	if out.blueprint, err = plan.Blueprint(out.host); err != nil {
		return out, err
	}
	if out.capistrano, err = capistranoFor(c.Capistrano, out.host); err != nil {
		return out, err
	}
	findings, err := plan.Lint(out.host, out.blueprint)
	if err != nil {
		return out, err
	}
	out.warnings = t.lint(findings)
	return out, t.Err()
}

// inWords gives Packer one error whose lines are the mistakes.
func inWords(err error) error {
	if err == nil {
		return nil
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) == 1 {
		return err
	}
	return fmt.Errorf("%d mistakes in the deployhost provisioner:\n  * %s", len(lines), strings.Join(lines, "\n  * "))
}

// Provision renders the blueprint, moves it to the machine and applies it there.
func (p *Provisioner) Provision(ctx context.Context, ui packer.Ui, comm packer.Communicator, generated map[string]any) error {
	connection, _ := generated["ConnType"].(string)
	if err := remote.CheckConnType(connection); err != nil {
		return err
	}
	c, err := p.config.check(true)
	if err != nil {
		return inWords(err)
	}
	run, _ := generated["PackerRunUUID"].(string)
	// A builder that names no run must not make two builds look like one.
	return bake(ctx, ui, comm, c, either(run, remote.NewNonce()))
}
