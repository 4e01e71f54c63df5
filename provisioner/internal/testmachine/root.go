//go:build linux

package testmachine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const seedDir = "var/lib/cloud/seed/nocloud"

// RootOptions say what a root directory consists of.
type RootOptions struct {
	// Name is the machine's name for people; it becomes a container's host name.
	Name string
	// Lower are directories that stay untouched, the uppermost first, such as
	// the one BaseRoot returns or those that Commit returned.
	Lower []string
	// Seed becomes cloud-init's; nil removes the one a lower layer may have.
	Seed *Seed
	// Loopback are addresses that a container has on its lo interface from the
	// start, such as 169.254.169.254/32 for a metadata service of the test's.
	// What is not there goes out to the network.
	Loopback []string
	// Files are written into the root as root, 0644, missing directories
	// 0755; absolute path to content.
	Files map[string]string
}

// Root is a throw-away root directory: an overlay over its lower layers,
// whose changes are gone after Close unless Commit kept them.
type Root struct {
	slot  *slot
	info  *MachineInfo
	lower []string
	key   *Key
}

// MountRoot makes a root directory that can be written to, in some
// milliseconds, without booting it: for a chroot, or for work on files.
func MountRoot(ctx context.Context, options RootOptions) (*Root, error) {
	if err := RequireRoot(); err != nil {
		return nil, err
	}
	key, err := BuildKey(ctx)
	if err != nil {
		return nil, err
	}
	s, info, err := takeSlot(ctx, options.Name)
	if err != nil {
		return nil, err
	}
	r := &Root{slot: s, info: info, lower: options.Lower, key: key}
	if err := errors.Join(r.mount(), r.fill(options)); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// RootDir is the mounted root directory on this machine. Paths below it may
// be links that point anywhere: go through os.OpenRoot.
func (r *Root) RootDir() string { return filepath.Join(r.info.Work, "root") }

func (r *Root) upper() string { return filepath.Join(r.info.Work, "upper") }

// Close unmounts the root and throws its changes away. It may be called twice.
func (r *Root) Close() error {
	if r.slot == nil {
		return nil
	}
	s := r.slot
	r.slot = nil
	return s.release(context.Background())
}

// Commit keeps the changes as the layer dir, which must not exist, closes the
// root and returns what RootOptions.Lower has to be for booting this state
// again. The machine in it must be powered off.
func (r *Root) Commit(ctx context.Context, dir string) ([]string, error) {
	if present(dir) {
		return nil, fmt.Errorf("committing a root: %s exists already", dir)
	}
	if err := unmountBelow(r.RootDir()); err != nil {
		return nil, err
	}
	if err := moveTree(ctx, r.upper(), dir); err != nil {
		return nil, err
	}
	return append([]string{dir}, r.lower...), r.Close()
}

// moveTree renames, or copies with all attributes where dir is on another file system.
func moveTree(ctx context.Context, from, dir string) error {
	err := os.Rename(from, dir)
	if errors.Is(err, unix.EXDEV) {
		err = host(ctx, "cp", "-a", from, dir)
	}
	return err
}

func (r *Root) mount() error {
	work := filepath.Join(r.info.Work, "work")
	for _, dir := range []string{r.RootDir(), r.upper(), work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if len(r.lower) == 0 {
		return errors.New("a root directory needs at least one lower layer, such as the one BaseRoot returns")
	}
	if err := unix.Mount("overlay", r.RootDir(), "overlay", 0, overlayData(r.lower, r.upper(), work)); err != nil {
		return fmt.Errorf("mounting an overlay in %s: %w; the cache must be on a disk that can hold an overlay's upper layer (not itself an overlay, as a container's / is): set DEPLOYHOST_CACHE", r.info.Work, err)
	}
	return nil
}

// overlayData renders mount options. volatile leaves out every sync: these
// layers need to survive no power cut, and apt is much faster so.
func overlayData(lower []string, upper, work string) string {
	escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`)
	escaped := make([]string, 0, len(lower))
	for _, dir := range lower {
		escaped = append(escaped, escape.Replace(dir))
	}
	return "lowerdir=" + strings.Join(escaped, ":") +
		",upperdir=" + escape.Replace(upper) + ",workdir=" + escape.Replace(work) + ",volatile"
}

// fill writes the seed and the files, never following a link out of the root.
func (r *Root) fill(options RootOptions) error {
	root, err := os.OpenRoot(r.RootDir())
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.RemoveAll(seedDir); err != nil {
		return err
	}
	if options.Seed != nil {
		files, err := options.Seed.files()
		if err != nil {
			return err
		}
		for name, content := range files {
			if err := writeInto(root, seedDir+"/"+name, content); err != nil {
				return err
			}
		}
	}
	for name, content := range options.Files {
		if err := writeInto(root, strings.TrimPrefix(name, "/"), content); err != nil {
			return err
		}
	}
	return nil
}

func writeInto(root *os.Root, name, content string) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return root.WriteFile(name, []byte(content), 0o644)
}
