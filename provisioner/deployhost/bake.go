package deployhost

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/bundle"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/plan"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/remote"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubycache"
)

// checked is a configuration without mistakes.
type checked struct {
	host    plan.Host
	session session
	// blueprint is nil as long as something is not known yet.
	blueprint *blueprint.Blueprint
	// warnings are what the linter says that stops nothing.
	warnings []string
	// capistrano is nil when no file is asked for.
	capistrano *capistranoFile
}

// session is how the bundle reaches the machine.
type session struct {
	folder  string
	command string
	// archive is a Ruby archive, a file of this machine or a URL; empty for none.
	archive string
	// sum is the archive's.
	sum   string
	cache rubycache.Cache
}

func (t *translator) session(c *Config) session {
	out := session{
		folder:  either(c.RemoteFolder, remote.DefaultFolder),
		command: c.ExecuteCommand,
	}
	if t.Known(out.folder) {
		t.Add("remote_folder", bundle.CheckPath(out.folder))
	}
	if c.ExecuteCommand != "" && t.Known(c.ExecuteCommand) {
		t.Add("execute_command", checkCommand(c.ExecuteCommand))
	}
	if c.Ruby != nil && c.Ruby.Method == "archive" {
		out.archive, out.sum = c.Ruby.Archive, c.Ruby.SHA256
	}
	out.cache = t.rubyCache(c.Ruby)
	return out
}

// bake needs run to be the same for every provisioner of one build.
func bake(ctx context.Context, ui packer.Ui, comm packer.Communicator, c checked, run string) error {
	ui.Sayf("Baking a deploy host: %s", summary(c.host))
	for _, w := range c.warnings {
		ui.Say("  " + w)
	}
	nonce := remote.NewNonce()
	told := &progress{ui: ui, rubies: rubies{ui: ui, cache: c.session.cache}}
	options := remote.Options{
		Nonce:  nonce,
		Folder: c.session.folder,
		MakeBundle: func(arch, archivePath string) ([]byte, error) {
			in := bundle.Input{Blueprint: c.blueprint, Arch: arch, Nonce: nonce, RunID: run, ArchiveRemotePath: archivePath}
			if err := told.rubies.offer(&in); err != nil {
				return nil, err
			}
			return bundle.New(in)
		},
		Wanted:   told.rubies.path,
		OnEvent:  told.event,
		OnOutput: func(line string) { ui.Say("    " + line) },
	}
	var err error
	if options.Archive, err = c.session.localArchive(ctx); err != nil {
		return err
	}
	if c.session.command != "" {
		options.RenderCommand = commandLine(c.session.command)
	}
	result, err := remote.Run(ctx, comm, options)
	told.end()
	if err != nil {
		return err
	}
	ui.Sayf("Deploy host baked: %s, %d SSH sessions, %.1f s", changes(result.Changes), result.Sessions, result.Seconds)
	return c.capistrano.tell(ui)
}

func summary(h plan.Host) string {
	var names []string
	for _, a := range h.Apps {
		names = append(names, string(a.Name))
	}
	return fmt.Sprintf("user %s, apps %s", h.User.Name, strings.Join(names, ", "))
}

func changes(n int) string {
	switch n {
	case 0:
		return "0 changes, the image was as it should be"
	case 1:
		return "1 change"
	default:
		return fmt.Sprintf("%d changes", n)
	}
}
