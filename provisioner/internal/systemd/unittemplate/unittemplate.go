// Package unittemplate renders unit files on the build machine. It is apart
// from package systemd because text/template would make the host tool half as
// large again.
package unittemplate

import (
	"fmt"
	"io/fs"
	"strings"
	"text/template"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// escapers are what unit templates may call. A field with no escaper must be
// of a type whose constructor allows nothing that systemd reads specially.
var escapers = template.FuncMap{
	"text":        systemd.Text,
	"environment": systemd.Environment,
	"words":       systemd.ExecLine,
}

// Set is a room's templates, by their file names.
type Set struct{ parsed *template.Template }

// MustParse reads every file of a directory; it panics on a bad one, which
// only a bug of ours can be.
func MustParse(files fs.FS, dir string) Set {
	return Set{template.Must(template.New("").Funcs(escapers).Option("missingkey=error").ParseFS(files, dir+"/*"))}
}

// Render executes one template. An error means that template and data do not
// fit each other, which is a bug.
func (s Set) Render(name string, data any) (string, error) {
	var out strings.Builder
	if err := s.parsed.ExecuteTemplate(&out, name, data); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return out.String(), nil
}
