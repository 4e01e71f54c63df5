//go:build linux

package testmachine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Tools are the names BuildTool knows: the directories of .tools.
var Tools = []string{"packer", "packer-plugin-qemu", "packer-plugin-amazon", "amazon-ec2-metadata-mock", "golangci-lint", "goreleaser"}

// BuildTool returns the path of a tool, built from its module .tools/NAME
// into the cache when that very go.mod and go.sum have not been built yet
// (packer takes about five minutes on two cores, the others up to three). A
// packer on PATH that is at least 1.14 is used as it is.
func BuildTool(ctx context.Context, name string) (string, error) {
	if name == "packer" {
		if path := recentPacker(ctx); path != "" {
			return path, nil
		}
	}
	dir, err := toolModule(name)
	if err != nil {
		return "", err
	}
	inputs, pkg, err := toolInputs(dir)
	if err != nil {
		return "", err
	}
	return cached(ctx, "bin/"+name+"-"+inputKey(inputs...), func(ctx context.Context, tmp string) error {
		defer sayTook("building %s from source", name)()
		cmd, err := hostCommand(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", tmp, pkg)
		if err != nil {
			return err
		}
		cmd.Dir = dir
		// A go.work around the checkout must not decide about versions.
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
		result, err := resultOf(cmd)
		if err == nil {
			err = result.Check()
		}
		if err != nil {
			return fmt.Errorf("building %s in %s: %w", pkg, dir, err)
		}
		return nil
	})
}

// toolInputs reads what decides about a tool's build, and the package that its tool line names.
func toolInputs(dir string) (inputs []string, pkg string, err error) {
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, "", err
		}
		inputs = append(inputs, string(text))
	}
	for line := range strings.Lines(inputs[0]) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "tool" {
			return inputs, fields[1], nil
		}
	}
	return nil, "", fmt.Errorf("%s/go.mod has no tool line, which says what to build", dir)
}

// toolModule finds .tools/NAME in the checkout around the working directory.
func toolModule(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		module := filepath.Join(at, ".tools", name)
		if present(filepath.Join(module, "go.mod")) {
			return module, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no .tools/%s in %s or above it; the tools are %s, and must be asked for inside the checkout", name, dir, strings.Join(Tools, ", "))
		}
	}
}

// recentPacker is the path of a good enough packer on PATH, or "".
func recentPacker(ctx context.Context) string {
	path, err := lookPath("packer")
	if err != nil {
		return ""
	}
	cmd, err := hostCommand(ctx, path, "version")
	if err != nil {
		return ""
	}
	// It would ask its makers whether there is a newer one.
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1")
	result, err := resultOf(cmd)
	if errors.Join(err, result.Check()) != nil || !packerIsRecent(result.Stdout) {
		return ""
	}
	return path
}

// packerIsRecent reads `Packer v1.16.0`. There is another program called
// packer, cracklib's, which says no such thing.
func packerIsRecent(said string) bool {
	version, ok := strings.CutPrefix(said, "Packer v")
	if !ok {
		return false
	}
	numbers := strings.Split(version, ".")
	if len(numbers) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(numbers[0])
	minor, err2 := strconv.Atoi(numbers[1])
	return err1 == nil && err2 == nil && (major > 1 || major == 1 && minor >= 14)
}
