//go:build linux

package testmachine

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSeedFiles(t *testing.T) {
	hostile := "a\": b\n#c\t'"
	files, err := (&Seed{InstanceID: hostile, MetaData: map[string]any{"region": hostile}}).files()
	if err != nil {
		t.Fatal(err)
	}
	var meta map[string]string
	if err := json.Unmarshal([]byte(files["meta-data"]), &meta); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"instance-id": hostile, "region": hostile}, meta); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := files["user-data"]; got != "#cloud-config\n{}\n" {
		t.Errorf("without user-data cloud-init must get one that asks for nothing, got %q", got)
	}
}

func TestSeedLeavesMetaDataAlone(t *testing.T) {
	meta := map[string]any{"region": "here"}
	if _, err := (&Seed{InstanceID: "i-1", MetaData: meta}).files(); err != nil || len(meta) != 1 {
		t.Errorf("the caller's map is now %v (%v)", meta, err)
	}
}

func TestQemuArgs(t *testing.T) {
	m := qemuMachine{
		name: "a,b", memoryMB: 512, cpus: 1, overlay: "/d,1.qcow2", serial: "/log", qmp: "/q",
		disk: Disk{Kernel: "/k", Initrd: "/i"}, ports: map[int]int{8080: 4001, 22: 4000},
	}
	line := strings.Join(m.args(), " ")
	for _, part := range []string{
		"-name a,,b ", "file=/d,,1.qcow2,", "-accel tcg,thread=multi", "-append root=/dev/vda rw",
		"user,id=net0,hostfwd=tcp:127.0.0.1:4000-:22,hostfwd=tcp:127.0.0.1:4001-:8080 ",
	} {
		if !strings.Contains(line+" ", part) {
			t.Errorf("%q is missing in %s", part, line)
		}
	}
	if strings.Contains(line, "readonly") {
		t.Errorf("a seed drive without a seed: %s", line)
	}
	m.kvm, m.seedISO = true, "/seed.iso"
	line = strings.Join(m.args(), " ")
	if !strings.Contains(line, "-accel kvm") || strings.Contains(line, "tcg") || !strings.Contains(line, "file=/seed.iso,if=virtio,format=raw,readonly=on") {
		t.Errorf("with KVM and a seed: %s", line)
	}
}

func TestNspawnArgs(t *testing.T) {
	with, without := nspawnArgs("/r", "n", "/run/netns/x", true), nspawnArgs("/r", "n", "/run/netns/x", false)
	if slices.Contains(with, "cloud-init=disabled") || !slices.Contains(without, "cloud-init=disabled") {
		t.Errorf("cloud-init on: %q\noff: %q", with, without)
	}
}

func TestOverlayDataEscapesSeparators(t *testing.T) {
	got := overlayData([]string{"/a:b", "/c,d"}, `/u\p`, "/w")
	if want := `lowerdir=/a\:b:/c\,d,upperdir=/u\\p,workdir=/w,volatile`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestIsGuestInit(t *testing.T) {
	for status, want := range map[string]bool{
		"Name:\tsystemd\nNSpid:\t812\t3\t1\n":   true,
		"Name:\tsystemd\nNSpid:\t900\t9\t2\n":   false,
		"Name:\tsystemd-nspawn\nNSpid:\t8\t1\n": false,
		"Name:\tx\n":                            false,
	} {
		if got := isGuestInit(status); got != want {
			t.Errorf("%q: got %v", status, got)
		}
	}
}

func TestHasReachableServer(t *testing.T) {
	for text, want := range map[string]bool{
		"nameserver 127.0.0.53\noptions edns0\n":        false,
		"# nameserver 192.0.2.1\nnameserver ::1\n":      false,
		"nameserver 127.0.0.1\nnameserver 192.0.2.53\n": true,
		"": false,
	} {
		if got := hasReachableServer(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestPackerIsRecent(t *testing.T) {
	for said, want := range map[string]bool{
		"Packer v1.14.0\n": true, "Packer v1.16.0-dev\n": true, "Packer v2.0.0\n": true,
		"Packer v1.9.5\n": false, "Packer v1\n": false, "0 0\n": false, "": false,
	} {
		if got := packerIsRecent(said); got != want {
			t.Errorf("%q: got %v", said, got)
		}
	}
}

func TestCachedBuildsOnce(t *testing.T) {
	t.Setenv("DEPLOYHOST_CACHE", t.TempDir())
	failing := errors.New("no")
	build := func(result error) func(context.Context, string) error {
		return func(_ context.Context, tmp string) error {
			return errors.Join(os.WriteFile(tmp, []byte("x"), 0o600), result)
		}
	}
	path, err := cached(t.Context(), "a/b", build(failing))
	if !errors.Is(err, failing) || path != "" {
		t.Fatalf("a failed build: %q, %v", path, err)
	}
	if path, err = cached(t.Context(), "a/b", build(nil)); err != nil {
		t.Fatal(err)
	}
	if again, err := cached(t.Context(), "a/b", build(failing)); err != nil || again != path {
		t.Errorf("what is there was built again: %q, %v", again, err)
	}
	left, err := filepath.Glob(filepath.Dir(path) + "/*")
	if err != nil || !slices.Equal(left, []string{path}) {
		t.Errorf("in the cache: %q, %v", left, err)
	}
}

func TestInputKeyTellsInputsApart(t *testing.T) {
	if inputKey("ab", "c") == inputKey("a", "bc") {
		t.Error("two different lists of inputs have one key")
	}
}

func TestBuildKeyIsKeptAndPrivate(t *testing.T) {
	t.Setenv("DEPLOYHOST_CACHE", t.TempDir())
	first, err := BuildKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := BuildKey(t.Context())
	if err != nil || first.Authorized != second.Authorized {
		t.Errorf("the key changed: %v", err)
	}
	stat, err := os.Stat(first.PrivatePath)
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("the private key's mode: %v, %v", stat, err)
	}
}

func TestQuote(t *testing.T) {
	got, err := quote([]string{"echo", "it's $HOME", ""})
	if err != nil {
		t.Fatal(err)
	}
	if want := `echo "it's \$HOME" ''`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
