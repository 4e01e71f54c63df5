// Package bundle makes the one file that is uploaded to a host: a POSIX sh
// header that unpacks and starts what follows it, the gzipped host tool, and
// the gzipped blueprint. It is pure: the same input gives the same bytes.
package bundle

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"regexp"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// NamePrefix starts the base name of every uploaded bundle. The header
// removes nothing, and runs nothing, under another name.
const NamePrefix = "deployhost-"

// Input is what a bundle is made of.
type Input struct {
	Blueprint *blueprint.Blueprint
	// Arch is the host's architecture as Go names it: amd64 or arm64.
	Arch string
	// Nonce goes into the end event, the only one that is believed; 32 or more hexadecimal digits.
	Nonce string
	// RunID is the same for all of one build's runs; letters, digits and dashes.
	RunID string
	// ArchiveRemotePath is where the Ruby archive has been uploaded to; empty for none.
	ArchiveRemotePath string
	// Offers are Rubies that could be uploaded while the host tool runs, each to
	// the bundle's path, a dot and its key.
	Offers []rubypack.Offer
	// KeepRuby asks for each Ruby that is built.
	KeepRuby bool
}

//go:embed start.sh
var startScript string

// folders are tried in this order for a place where the host tool can run.
// /run comes first: it is memory, and nothing is left in the image if we are killed.
var folders = []string{"/run", "/var/tmp", "/tmp", "/root"}

// New makes a bundle. Start it on the host with `sh PATH`, where the base name
// of PATH begins with NamePrefix; it needs root, or a passwordless sudo.
func New(in Input) ([]byte, error) {
	tool, err := Tool(in.Arch)
	if err != nil {
		return nil, err
	}
	return assemble(in, tool, folders)
}

var (
	nonceShape = regexp.MustCompile(`^[0-9a-f]{32,128}$`)
	sumShape   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	runIDShape = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

func assemble(in Input, tool []byte, folders []string) ([]byte, error) {
	if err := in.check(folders); err != nil {
		return nil, fmt.Errorf("make bundle: %w", err)
	}
	description, err := in.Blueprint.Encode()
	if err != nil {
		return nil, fmt.Errorf("make bundle: %w", err)
	}
	packed, err := compress(description)
	if err != nil {
		return nil, fmt.Errorf("make bundle: %w", err)
	}
	head := header(in, len(tool), len(packed), folders)
	return bytes.Join([][]byte{head, tool, packed}, nil), nil
}

// check keeps everything that the header puts between quotes harmless there.
func (in Input) check(folders []string) error {
	if !nonceShape.MatchString(in.Nonce) {
		return fmt.Errorf("nonce of %d bytes: want 32 or more hexadecimal digits", len(in.Nonce))
	}
	if !runIDShape.MatchString(in.RunID) {
		return fmt.Errorf("run id %q: want 1 to 64 letters, digits and dashes", in.RunID)
	}
	paths := folders
	if in.ArchiveRemotePath != "" {
		paths = append([]string{in.ArchiveRemotePath}, folders...)
	}
	for _, o := range in.Offers {
		if !sumShape.MatchString(o.Key) || !sumShape.MatchString(o.SHA256) {
			return fmt.Errorf("offer %q: want two SHA-256 sums", o)
		}
	}
	for _, p := range paths {
		if err := CheckPath(p); err != nil {
			return err
		}
	}
	return nil
}

func offers(list []rubypack.Offer) string {
	texts := make([]string, 0, len(list))
	for _, o := range list {
		texts = append(texts, o.String())
	}
	return strings.Join(texts, " ")
}

func choose(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

// compress writes no time and no name, so that the bytes depend on data alone.
func compress(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// header fills start.sh. Numbers are padded with spaces to one width, so
// that the header's length does not depend on the offsets that depend on it.
func header(in Input, toolBytes, blueprintBytes int, folders []string) []byte {
	fill := func(headerBytes int) string {
		number := func(n int) string { return fmt.Sprintf("%-10d", n) }
		return strings.NewReplacer(
			"@NONCE@", in.Nonce,
			"@RUN_ID@", in.RunID,
			"@ARCHIVE@", in.ArchiveRemotePath,
			"@OFFERS@", offers(in.Offers),
			"@KEEP_RUBY@", choose(in.KeepRuby, "--keep-ruby"),
			"@FOLDERS@", strings.Join(folders, " "),
			// tail -c +N counts from 1.
			"@TOOL_AT@", number(headerBytes+1),
			"@TOOL_BYTES@", number(toolBytes),
			"@BLUEPRINT_AT@", number(headerBytes+toolBytes+1),
			"@BLUEPRINT_BYTES@", number(blueprintBytes),
			"@BUNDLE_BYTES@", number(headerBytes+toolBytes+blueprintBytes),
		).Replace(startScript)
	}
	return []byte(fill(len(fill(0))))
}
