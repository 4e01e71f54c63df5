//go:build linux

// Package goldenimage is the project's main job as a newcomer sees it: it
// bakes example/local into a golden image with real Packer, boots that image
// as two instances, and looks at what each of them does.
package goldenimage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// suite is the Debian release that is baked.
const suite = "bookworm"

// Job is one run.
type Job struct {
	// Repository is the checkout's directory, which holds the built plugin.
	Repository string
	// Output gets golden.qcow2; what it held before is removed.
	Output string
	// Log gets what people see.
	Log io.Writer

	report report
	disk   *testmachine.Disk
	key    *testmachine.Key
	kvm    bool
}

// Run does all of it and prints a table. An error means that something which
// the table should show did not happen.
func (j *Job) Run(ctx context.Context) error {
	err := j.run(ctx)
	j.report.write(j.Log)
	return err
}

func (j *Job) run(ctx context.Context) error {
	if err := testmachine.RequireRoot(); err != nil {
		return err
	}
	if err := testmachine.Setup(ctx); err != nil {
		return err
	}
	if err := j.prepare(ctx); err != nil {
		return err
	}
	if err := j.bake(ctx); err != nil {
		return err
	}
	for _, i := range instances() {
		if err := j.show(ctx, i); err != nil {
			return fmt.Errorf("instance %s: %w", i.seed.InstanceID, err)
		}
	}
	j.report.figure("boot.instances_ok", float64(len(instances())), "count")
	return nil
}

// prepare makes the base image, which the cache may hold already.
func (j *Job) prepare(ctx context.Context) error {
	start := time.Now()
	var err error
	if j.disk, err = testmachine.BaseDisk(ctx, suite); err != nil {
		return err
	}
	j.report.step("base image: Debian "+suite, time.Since(start))
	j.report.figure("bake.base_image_s", time.Since(start).Seconds(), "s")
	if j.key, err = testmachine.BuildKey(ctx); err != nil {
		return err
	}
	j.kvm = testmachine.KVMWorks(ctx)
	if j.kvm {
		j.report.note("virtual machines run under KVM")
	} else {
		j.report.note("KVM does not work here: virtual machines are emulated, and slow")
	}
	return nil
}

func (j *Job) plugin() (string, error) {
	path := filepath.Join(j.Repository, "packer-plugin-deployhost")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s is not there: run `make bake`, which builds it first", path)
	}
	return path, nil
}
