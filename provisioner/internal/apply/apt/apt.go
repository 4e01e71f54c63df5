// Package apt installs distribution packages in one quiet transaction, with no
// question asked and no service started.
package apt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
)

// maxListAge is when package lists are fetched anew without first trying the old ones:
// Debian's and Ubuntu's own apt-daily.timer fetches them as often.
const maxListAge = 24 * time.Hour

// lockTimeout is how long to wait for an apt that already runs, in seconds:
// on a fresh cloud image that is its first unattended upgrade.
const lockTimeout = "300"

// others are package managers that we can name but not use.
var others = []string{"dnf", "yum", "zypper", "apk", "pacman"}

// Obstacle is why packages cannot be installed here, or "".
func Obstacle(h host.Host) string {
	if present(h, "apt-get") && present(h, "dpkg-query") {
		return ""
	}
	for _, name := range others {
		if present(h, name) {
			return fmt.Sprintf("this host's package manager is %s, and packages are installed with apt-get only: "+
				"bake onto Debian or Ubuntu, or install what is needed earlier in the build and ask for no package here", name)
		}
	}
	return "this host has no apt-get and dpkg-query to install packages with: bake onto Debian or Ubuntu, or install what is needed earlier in the build"
}

func present(h host.Host, program string) bool {
	for _, dir := range []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin"} {
		if info, err := os.Stat(h.Path(dir + "/" + program)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// Missing are those of the packages that are not completely installed.
func Missing(h host.Host, packages []string) ([]string, error) {
	if len(packages) == 0 {
		return nil, nil
	}
	// Fails when one is unknown, and lists the others all the same.
	out, err := h.Run(host.Command{Args: append([]string{
		"dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}\t${Package}\t${Architecture}\n", "--",
	}, packages...)})
	if err != nil {
		return nil, fmt.Errorf("dpkg-query: %w", err)
	}
	have := installed(out.Stdout)
	return slices.DeleteFunc(slices.Clone(packages), func(name string) bool { return have[name] }), nil
}

// installed reads dpkg-query's lines. A name counts with and without its architecture.
func installed(text string) map[string]bool {
	have := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		fields := strings.Split(line, "\t")
		// Second letter of the abbreviation: i is installed; W and t are
		// installed with triggers yet to run.
		if len(fields) != 3 || len(fields[0]) < 2 || !strings.ContainsRune("iWt", rune(fields[0][1])) {
			continue
		}
		have[fields[1]] = true
		have[fields[1]+":"+fields[2]] = true
	}
	return have
}

// Interrupted tells whether a dpkg was killed half-way.
func Interrupted(h host.Host) bool {
	journal, _ := filepath.Glob(h.Path("/var/lib/dpkg/updates/[0-9]*"))
	return len(journal) > 0
}

// Install installs packages, and first repairs what a killed run has left.
func Install(h host.Host, packages []string) (err error) {
	if err := forbidStarts(h); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, AllowStarts(h)) }()

	// May fail where dependencies are still to come; --fix-broken then says what is really wrong.
	_, _ = do(h, "dpkg", "--force-confold", "--configure", "-a")
	fetched, unreached := false, ""
	if !listsAreFresh(h) {
		if unreached, err = update(h); err != nil {
			return err
		}
		fetched = true
	}
	err = install(h, packages)
	if err != nil && !fetched {
		// Yesterday's lists may name a file that the mirror has replaced since.
		if unreached, err = update(h); err != nil {
			return err
		}
		err = install(h, packages)
	}
	return explain(err, unreached)
}

// explain puts what apt-get install does not know in front of what it says: it
// cannot locate a package of which it never got a list.
func explain(err error, unreached string) error {
	if err == nil || unreached == "" {
		return err
	}
	return fmt.Errorf("the package lists could not be fetched (%s): this host has to reach its package mirror while it is baked, "+
		"so look at its network, its resolver, its proxy and /etc/apt/sources.list*; %w", unreached, err)
}

// update tells of the first list that it could not fetch, which apt-get itself
// calls a success: old lists, or another mirror's, may do.
func update(h host.Host) (unreached string, err error) {
	out, err := do(h, "apt-get", "-o", "DPkg::Lock::Timeout="+lockTimeout, "-q", "update")
	if err != nil {
		return "", err
	}
	for line := range strings.SplitSeq(out.Text, "\n") {
		if warning, ok := strings.CutPrefix(line, "W: "); ok && strings.HasPrefix(warning, "Failed to fetch") {
			return strings.TrimSpace(warning), nil
		}
	}
	return "", nil
}

func install(h host.Host, packages []string) error {
	_, err := do(h, append([]string{
		"apt-get", "-o", "DPkg::Lock::Timeout=" + lockTimeout, "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Use-Pty=0",
		"-q", "-y", "--no-install-recommends", "--fix-broken", "install", "--",
	}, packages...)...)
	return err
}

func do(h host.Host, args ...string) (host.Output, error) {
	return h.Do(host.Command{Args: args, Env: []string{
		"DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true", "NEEDRESTART_SUSPEND=1", "APT_LISTCHANGES_FRONTEND=none",
	}})
}

// listsAreFresh looks at the directory: the lists themselves carry the mirror's dates.
func listsAreFresh(h host.Host) bool {
	dir := h.Path("/var/lib/apt/lists")
	lists, _ := filepath.Glob(dir + "/*_Packages*")
	info, err := os.Stat(dir)
	if err != nil || len(lists) == 0 {
		return false
	}
	return time.Since(info.ModTime()) < maxListAge
}

// Remove removes packages, their configuration included, and nothing else.
func Remove(h host.Host, packages []string) (err error) {
	if len(packages) == 0 {
		return nil
	}
	if err := forbidStarts(h); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, AllowStarts(h)) }()
	_, err = do(h, append([]string{
		"apt-get", "-o", "DPkg::Lock::Timeout=" + lockTimeout, "-o", "Dpkg::Use-Pty=0", "-q", "-y", "purge", "--",
	}, packages...)...)
	return err
}
