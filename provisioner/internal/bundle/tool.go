package bundle

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// `make build` puts the compressed host tools beside the placeholder.
//
//go:embed tool
var tools embed.FS

// Tool gives the gzipped host tool for linux on arch, "amd64" or "arm64".
// A plugin that was built without it has only this error to offer.
func Tool(arch string) ([]byte, error) { return toolFrom(tools, arch) }

func toolFrom(files fs.FS, arch string) ([]byte, error) {
	if arch != "amd64" && arch != "arm64" {
		return nil, fmt.Errorf("there is no host tool for the architecture %q, only for amd64 and arm64", arch)
	}
	data, err := fs.ReadFile(files, "tool/deployhost_linux_"+arch+".gz")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this plugin was built without its host tool for linux/%s, so it can configure no host: build it with `make build`, or install a release", arch)
	}
	if err != nil {
		return nil, fmt.Errorf("read the embedded host tool for linux/%s: %w", arch, err)
	}
	return data, nil
}
