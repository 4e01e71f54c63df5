// Package status is what people and deploys ask the host: how it is, to run a
// command with an app's values, and to wait until an app is healthy.
package status

import (
	"fmt"
	"os"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance/deployuser"
)

// Host is the machine that is asked.
type Host struct {
	Users deployuser.Host
}

// Here is the machine that this process runs on.
func Here() Host { return Host{Users: deployuser.Here()} }

// Blueprint reads what was baked. Besides reading it, the caller must be root
// or the deploy user, since nobody else can speak to that user's services.
func (h Host) Blueprint() (*blueprint.Blueprint, error) {
	data, err := os.ReadFile(h.Users.Path(blueprint.Path))
	if err != nil {
		return nil, fmt.Errorf("this host was not baked, or not to its end: %w", err)
	}
	b, err := blueprint.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", blueprint.Path, err)
	}
	if h.Users.EUID != 0 && h.Users.EUID != b.User.UID {
		return nil, fmt.Errorf("only root and %s (uid %d) can ask for the services of %s, and this is uid %d: log in as %s, or use sudo",
			b.User.Name, b.User.UID, b.User.Name, h.Users.EUID, b.User.Name)
	}
	return b, nil
}

// FindApp finds an app by name.
func FindApp(b *blueprint.Blueprint, name string) (blueprint.App, error) {
	var names []string
	for _, a := range b.Apps {
		if a.Name == name {
			return a, nil
		}
		names = append(names, a.Name)
	}
	return blueprint.App{}, fmt.Errorf("there is no app %q here: the image was baked with %s", name, strings.Join(names, ", "))
}

func (h Host) exists(path string) bool {
	_, err := os.Stat(h.Users.Path(path))
	return err == nil
}
