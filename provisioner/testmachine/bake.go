//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/goldenimage"
)

// bake makes build/golden.qcow2 from example/local and shows that it works.
func bake(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("bake takes no arguments, not %q", args)
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	job := goldenimage.Job{Repository: here, Output: filepath.Join(here, "build"), Log: os.Stdout}
	return job.Run(ctx)
}
