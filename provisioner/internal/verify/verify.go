// Package verify checks a whole image against its blueprint, in the machine
// that bakes it and in every instance. It changes nothing, and tells all that
// is wrong at once.
package verify

import (
	"fmt"
	"os"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/account"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/asuser"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/tree"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

// Report is what was found.
type Report struct {
	// Problems each name a thing that is not as the blueprint says.
	Problems []string
	// Warnings each name a check that could not be made here, and why.
	Warnings []string
}

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// image is one image under examination.
type image struct {
	host.Host
	b      *blueprint.Blueprint
	report Report
}

// Run checks an image; it takes root.
func Run(h host.Host, b *blueprint.Blueprint) Report {
	i := &image{Host: h, b: b}
	i.user()
	i.entries()
	i.sudo()
	if b.Ruby != nil {
		i.ruby(*b.Ruby)
	}
	i.monit()
	i.alertProgram()
	i.systemUnits()
	return i.report
}

func (i *image) user() {
	accounts, err := account.Load(i.Host)
	if err != nil {
		i.report.problem("users: %v", err)
		return
	}
	i.report.Problems = append(i.report.Problems, account.Differences(accounts, i.b.User)...)
}

// entries compares with each owner's rights, as apply writes.
func (i *image) entries() {
	var byRoot, byUser []blueprint.Entry
	for _, e := range account.WithHome(i.b) {
		if e.Owner == blueprint.Root {
			byRoot = append(byRoot, e)
		} else {
			byUser = append(byUser, e)
		}
	}
	system := tree.Tree{Root: i.Root, Guarded: true, Self: tree.ID{UID: os.Geteuid(), GID: os.Getegid()}}
	i.differences(system.Do(tree.Check, byRoot))

	result, err := asuser.Do(i.Host, i.b.User, tree.Check, byUser)
	if err != nil {
		i.report.problem("the deploy user's files cannot be checked: %v", err)
	}
	i.differences(result)
}

func (i *image) differences(result tree.Result) {
	for _, change := range result.Changes {
		i.report.problem("%s: %s", change.Path, change.What)
	}
	i.report.Problems = append(i.report.Problems, result.Problems...)
}

func (i *image) has(path string) bool {
	_, err := os.Stat(i.Path(path))
	return err == nil
}
