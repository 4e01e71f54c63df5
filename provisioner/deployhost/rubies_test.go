package deployhost

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/bundle"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubycache"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// send plays the host that sends a pack back, and gives what people read.
func send(t *testing.T, cache rubycache.Cache, spoil func(pack []byte) []byte) (said string, left *progress) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pack")
	h := rubypack.Header{Inputs: rubypack.Inputs{Version: "3.3.6", Arch: "amd64"}}
	err := rubypack.Create(file, h, func(w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte("x"), 100_000))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pack, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(pack))
	var out, wire bytes.Buffer
	ui := &packer.BasicUi{Reader: strings.NewReader(""), Writer: &out, ErrorWriter: &out}
	told := &progress{ui: ui, rubies: rubies{ui: ui, cache: cache}}
	if err := event.NewWriter(&wire, "").Pack(h.Inputs.Key(), size, bytes.NewReader(spoil(pack))); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(wire.String()) {
		e, ok := event.Parse(line)
		if !ok || len(line) > 60<<10 {
			t.Fatalf("a line of %d bytes", len(line))
		}
		told.event(e)
	}
	told.end()
	return out.String(), told
}

func whole(pack []byte) []byte { return pack }

func TestWhatTheHostSendsIsKeptAndOffered(t *testing.T) {
	cache := rubycache.Cache{Dir: t.TempDir()}
	said, told := send(t, cache, whole)
	if !strings.Contains(said, "Ruby cache: 0.1 MiB in "+cache.Dir) {
		t.Errorf("people read %q", said)
	}
	in := bundle.Input{Arch: "amd64", Blueprint: &blueprint.Blueprint{Ruby: &blueprint.Ruby{Method: blueprint.RubyBuilt, Version: "3.3.6"}}}
	if err := told.rubies.offer(&in); err != nil || len(in.Offers) != 1 || !in.KeepRuby {
		t.Fatalf("%+v %v", in, err)
	}
	if path, err := told.rubies.path(in.Offers[0].Key); err != nil || filepath.Dir(path) != cache.Dir {
		t.Error(path, err)
	}
	in = bundle.Input{Arch: "amd64", Blueprint: &blueprint.Blueprint{Ruby: &blueprint.Ruby{Method: blueprint.RubySystem, Version: "3.3.6"}}}
	if err := told.rubies.offer(&in); err != nil || len(in.Offers) > 0 || in.KeepRuby {
		t.Errorf("method system: %+v %v", in, err)
	}
}

func TestWhatIsNotKeptIsToldAndLeavesNothing(t *testing.T) {
	cache := rubycache.Cache{Dir: t.TempDir()}
	damaged := func(pack []byte) []byte {
		pack[len(pack)-1] ^= 1
		return pack
	}
	if said, _ := send(t, cache, damaged); !strings.Contains(said, "the next bake compiles it again") {
		t.Errorf("people read %q", said)
	}
	_, _ = send(t, cache, func(pack []byte) []byte { return pack[:len(pack)/2] })
	if left, _ := os.ReadDir(cache.Dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	blocked := filepath.Join(cache.Dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, _ := send(t, rubycache.Cache{Dir: blocked}, whole); !strings.Contains(said, "See to ruby.cache_dir") {
		t.Errorf("people read %q", said)
	}
}

func TestArchiveOfAURL(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ruby") }))
	defer server.Close()
	sum := sha256.Sum256([]byte("ruby"))
	s := session{archive: server.URL + "/ruby.tar.gz", sum: hex.EncodeToString(sum[:]), cache: rubycache.Cache{Dir: t.TempDir()}}
	path, err := s.localArchive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "ruby" {
		t.Errorf("%q %v", text, err)
	}
	s = session{archive: "ruby.tar.gz"}
	if path, err := s.localArchive(t.Context()); err != nil || path != "ruby.tar.gz" {
		t.Error(path, err)
	}
}
