package remote

import (
	"errors"
	"fmt"
	"path"
	"regexp"

	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/bundle"
)

// route holds what is decided before the host is touched.
type route struct {
	// bundle and archive are paths on the host; archive is empty without one.
	bundle, archive string
	// command starts the bundle.
	command string
}

// prepare finds everything wrong with o that needs no host to be seen.
func (o Options) prepare(comm packer.Communicator) (route, error) {
	if comm == nil {
		return route{}, errors.New("this build has no communicator, so there is no host to configure: use a builder and a communicator that reach a Linux host, such as ssh")
	}
	if o.Nonce == "" {
		return route{}, errors.New("no nonce: any end event would be believed")
	}
	folder := o.Folder
	if folder == "" {
		folder = DefaultFolder
	}
	if err := bundle.CheckPath(folder); err != nil {
		return route{}, fmt.Errorf("remote_folder: %w", err)
	}
	// Unpredictable, so that nobody on the host can put something else there first (CVE-2020-1733).
	r := route{bundle: path.Join(folder, bundle.NamePrefix+NewNonce())}
	if o.Archive != "" {
		f, _, err := openArchive(o.Archive)
		if err != nil {
			return route{}, err
		}
		_ = f.Close() // opened only to know now that it can be
		r.archive = r.bundle + ".archive"
	}
	var err error
	r.command, err = startCommand(o.RenderCommand, r.bundle)
	return r, err
}

// plainCommand is what every communicator passes on unharmed; see bundle.CheckPath.
var plainCommand = regexp.MustCompile(`^[A-Za-z0-9_./ -]+$`)

func startCommand(render func(string) (string, error), bundlePath string) (string, error) {
	if render == nil {
		command := "sh " + bundlePath
		if !plainCommand.MatchString(command) {
			return "", fmt.Errorf("remote command %q holds a character that not every communicator passes on unharmed", command)
		}
		return command, nil
	}
	command, err := render(bundlePath)
	if err != nil {
		return "", fmt.Errorf("execute_command: %w", err)
	}
	if command == "" {
		return "", errors.New("execute_command is empty once rendered, so nothing would be run: leave it out, or write a command that runs {{.Path}}")
	}
	return command, nil
}
