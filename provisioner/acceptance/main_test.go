//go:build acceptance && linux

// Package acceptance proves the whole road on real machines: real Packer bakes
// booted containers and root directories with the built plugin, and the tests
// look at what state those machines are in afterwards. `make testacc` runs it.
package acceptance

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/bundle"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// shared is what all tests use. TestMain fills it before the first one runs.
var shared struct {
	// packer is the program, plugins the directory with ours installed.
	packer, plugins string
	// base is a stock Debian root directory, never written to.
	base string
	key  *testmachine.Key
	// layers is where roots are committed, on the cache's disk.
	layers string
	// ctx ends with the whole run.
	ctx context.Context
}

func TestMain(m *testing.M) {
	flag.Parse()
	// Machines mostly wait, for each other and for timers: more of them than
	// there are CPUs, but not so many that puma's start takes seconds.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var stop context.CancelFunc
	shared.ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) //nolint:fatcontext // assigned once, nested in nothing
	defer stop()
	// The SDK's, which would drown what the tests say.
	log.SetOutput(io.Discard)
	dir, err := setUp(shared.ctx)
	if dir != "" {
		defer os.RemoveAll(dir)
		defer os.RemoveAll(shared.layers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "The acceptance tests cannot run, which is a failure, never a skip:", err)
		return 1
	}
	code := m.Run()
	for _, line := range figures {
		fmt.Fprintln(os.Stdout, line)
	}
	return code
}

// setUp returns a directory to be removed at the end.
func setUp(ctx context.Context) (dir string, err error) {
	if err := testmachine.RequireRoot(); err != nil {
		return "", err
	}
	if missing := testmachine.MissingPackages(); len(missing) > 0 {
		return "", fmt.Errorf("these Debian packages are missing: %s; run `make testacc`, which installs them", strings.Join(missing, " "))
	}
	if _, err := bundle.Tool(runtime.GOARCH); err != nil {
		return "", fmt.Errorf("no host tool is embedded, so the plugin could bake nothing: run `make build` first (%w)", err)
	}
	if dir, err = os.MkdirTemp("", "deployhost-acceptance-"); err != nil {
		return "", err
	}
	if shared.layers, err = layersDir(); err != nil {
		return dir, err
	}
	if shared.key, err = testmachine.BuildKey(ctx); err != nil {
		return dir, err
	}
	if shared.base, err = testmachine.BaseRoot(ctx, "bookworm"); err != nil {
		return dir, err
	}
	if shared.packer, err = testmachine.BuildTool(ctx, "packer"); err != nil {
		return dir, err
	}
	shared.plugins = filepath.Join(dir, "plugins")
	return dir, installOurs(ctx, dir)
}

// layersDir makes this run's directory for committed layers, and removes what
// killed runs have left of theirs.
func layersDir() (string, error) {
	const prefix = "acceptance-"
	cache, err := testmachine.CacheDir()
	if err != nil {
		return "", err
	}
	entries, err := os.ReadDir(cache)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	for _, entry := range entries {
		pid, ours := strings.CutPrefix(entry.Name(), prefix)
		if _, err := os.Stat("/proc/" + pid); ours && err != nil {
			if err := os.RemoveAll(filepath.Join(cache, entry.Name())); err != nil {
				return "", err
			}
		}
	}
	dir := filepath.Join(cache, prefix+strconv.Itoa(os.Getpid()))
	return dir, os.MkdirAll(dir, 0o700)
}

var (
	figures    []string
	keepFigure sync.Mutex
)

// figure keeps one measured value, to be printed as a line of its own at the end.
func figure[N int | float64](name string, value N, unit string) {
	text := strconv.FormatFloat(math.Round(float64(value)*100)/100, 'f', -1, 64)
	keepFigure.Lock()
	defer keepFigure.Unlock()
	figures = append(figures, fmt.Sprintf("figure %s %s %s", name, text, unit))
}
