// Command packer-plugin-deployhost is a Packer plugin. Packer starts it; its
// standard output is Packer's handshake channel and belongs to the SDK alone.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/packer-plugin-sdk/plugin"
	packerversion "github.com/hashicorp/packer-plugin-sdk/version"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/deployhost"
)

// version and prerelease are set at release (-ldflags -X). Packer accepts
// releases and "dev" only.
var (
	version    = "0.1.0"
	prerelease = "dev"
)

func main() {
	set := plugin.NewSet()
	set.RegisterProvisioner(plugin.DEFAULT_NAME, new(deployhost.Provisioner))
	set.SetVersion(packerversion.NewPluginVersion(version, prerelease, ""))
	if err := set.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
