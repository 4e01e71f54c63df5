//go:build linux

package testmachine

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
)

// Seed is what a cloud would tell an instance, in cloud-init's NoCloud form.
type Seed struct {
	// InstanceID tells one instance from another; a new one makes cloud-init run its per-instance jobs.
	InstanceID string
	// Hostname is the instance's local-hostname; empty leaves it out.
	Hostname string
	// UserData is the whole user-data file; empty stands for one that asks for nothing.
	UserData string
	// MetaData are further keys of meta-data, such as region or tags.
	MetaData map[string]any
}

// files renders the seed: file name to content. The network is not cloud-init's business here.
func (s *Seed) files() (map[string]string, error) {
	meta := maps.Clone(s.MetaData)
	if meta == nil {
		meta = map[string]any{}
	}
	meta["instance-id"] = s.InstanceID
	if s.Hostname != "" {
		meta["local-hostname"] = s.Hostname
	}
	// Every JSON text is YAML, and its quoting has no surprises.
	text, err := json.MarshalIndent(meta, "", "  ")
	if err != nil {
		return nil, err
	}
	user := s.UserData
	if user == "" {
		user = "#cloud-config\n{}\n" // without the braces cloud-init warns
	}
	return map[string]string{"meta-data": string(text) + "\n", "user-data": user}, nil
}

// WriteISO makes an image that cloud-init finds by its volume id, cidata. Packer's QEMU builder can take it as a drive too.
func (s *Seed) WriteISO(ctx context.Context, path string) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "deployhost-seed-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return host(ctx, "xorriso", "-as", "mkisofs", "-quiet", "-volid", "cidata", "-joliet", "-rock", "-output", path, dir)
}
