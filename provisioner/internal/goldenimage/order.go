//go:build linux

package goldenimage

import (
	"context"
	"fmt"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/bootorder"
)

// ordered wants the hook's end before anything of the deploy user's, and every
// unit tried that this boot should have started.
func (l look) ordered(ctx context.Context) error {
	if err := l.vm.WaitBooted(ctx); err != nil {
		return err
	}
	user := bootorder.User{Name: deployUser, UID: 2000}
	boot, err := bootorder.Look(ctx, l.vm, blueprint.HookUnit, user)
	if err != nil {
		return err
	}
	early, err := boot.Early(nil)
	if err != nil {
		return err
	}
	l.job.report.figure("order.early_services", float64(len(early)), "count")
	if err := l.saw("hook ended before all of the user's", len(early) == 0, strings.Join(early, ", ")); err != nil {
		return err
	}
	dropped, err := boot.Dropped()
	if err != nil {
		return err
	}
	l.job.report.figure("order.cycles", float64(len(dropped)), "count")
	if err := l.saw("no ordering cycle", len(dropped) == 0, strings.Join(dropped, ", ")); err != nil {
		return err
	}
	if err := bootorder.Verify(ctx, l.vm, blueprint.HookUnit, user); err != nil {
		return fmt.Errorf("in the virtual machine: %w", err)
	}
	l.job.report.figure("firstboot.added_critical_chain_ms", float64(boot.AddedByHook())/1000, "ms")
	return nil
}
