package deployhost

import (
	"fmt"
	"strings"

	"github.com/hashicorp/packer-plugin-sdk/template/interpolate"
)

// commandLine renders execute_command for a path. It is rendered by itself
// because the other fields must not be: see Prepare.
func commandLine(template string) func(string) (string, error) {
	return func(path string) (string, error) {
		return interpolate.Render(template, &interpolate.Context{Data: map[string]string{"Path": path}})
	}
}

func checkCommand(template string) error {
	const probe = "/tmp/deployhost-probe"
	line, err := commandLine(template)(probe)
	if err != nil {
		return fmt.Errorf("%w: write for example \"sudo sh {{ .Path }}\"", err)
	}
	if !strings.Contains(line, probe) {
		return fmt.Errorf("%q never names the uploaded file, so nothing would be applied: write for example \"sudo sh {{ .Path }}\"", template)
	}
	return nil
}
