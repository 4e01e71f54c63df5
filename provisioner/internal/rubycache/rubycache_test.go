package rubycache

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// pack is a whole one, as the host sends it.
func pack(t *testing.T, version, content string) (key string, data []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pack")
	h := rubypack.Header{Inputs: rubypack.Inputs{Version: version, Arch: "amd64"}}
	err := rubypack.Create(file, h, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if data, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	return h.Inputs.Key(), data
}

func keep(t *testing.T, c Cache, key string, data []byte) Kept {
	t.Helper()
	in, err := c.Receive(key, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	half := len(data) / 2
	if done, err := in.Write(data[:half]); done || err != nil {
		t.Fatal(done, err)
	}
	if done, err := in.Write(data[half:]); !done || err != nil {
		t.Fatal(done, err)
	}
	kept, err := in.Keep()
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func find(t *testing.T, c Cache) Found {
	t.Helper()
	found, err := c.Find([]string{"3.3.6"}, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestKeepAndFind(t *testing.T) {
	c := Cache{Dir: filepath.Join(t.TempDir(), "made", "when", "needed")}
	if found := find(t, c); len(found.Offers) > 0 {
		t.Error("something in a cache that is not there")
	}
	key, data := pack(t, "3.3.6", "x")
	other, otherData := pack(t, "3.3.6-yjit", "x")
	kept := keep(t, c, key, data)
	keep(t, c, other, otherData)
	if kept.Bytes != int64(len(data)) {
		t.Errorf("%d bytes, not %d", kept.Bytes, len(data))
	}
	found := find(t, c)
	if len(found.Offers) != 1 || found.Offers[0].Key != key || found.Offers[0].Size != kept.Bytes || found.Refused != nil {
		t.Fatalf("%+v", found)
	}
	if path, err := found.Path(key); err != nil || path != kept.Path {
		t.Error(path, err)
	}
	if _, err := found.Path(other); err == nil {
		t.Error("gives what was not offered")
	}
	if found, err := c.Find([]string{"3.3.6"}, "arm64"); err != nil || len(found.Offers) > 0 {
		t.Error("offers another architecture's", err)
	}
	c.Refresh = true
	if found := find(t, c); len(found.Offers) > 0 {
		t.Error("offers what is to be made anew")
	}
}

func TestBrokenAndForeignAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"damaged": func(t *testing.T, path string) {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := file.WriteAt([]byte("y"), 300); err != nil {
				t.Fatal(err)
			}
		},
		"SHA-256": func(t *testing.T, path string) {
			if err := os.Truncate(path, 310); err != nil {
				t.Fatal(err)
			}
		},
		"renamed": func(t *testing.T, path string) {
			other := strings.ReplaceAll(path, filepath.Base(path), "ruby-3.3.6-"+strings.Repeat("0", 64)+suffix)
			if err := os.Rename(path, other); err != nil {
				t.Fatal(err)
			}
		},
		"others may write": func(t *testing.T, path string) {
			if err := os.Chmod(path, 0o666); err != nil {
				t.Fatal(err)
			}
		},
		"no file": func(t *testing.T, path string) {
			if err := os.Rename(path, path+"x"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path+"x", path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := Cache{Dir: t.TempDir()}
			key, data := pack(t, "3.3.6", strings.Repeat("x", 1000))
			spoil(t, keep(t, c, key, data).Path)
			found := find(t, c)
			if len(found.Offers) > 0 || len(found.Refused) != 1 || !strings.Contains(found.Refused[0], name) {
				t.Errorf("%+v", found)
			}
		})
	}
}

func TestWhatIsNotWholeGetsNoName(t *testing.T) {
	c := Cache{Dir: t.TempDir()}
	key, data := pack(t, "3.3.6", "x")
	in, err := c.Receive(key, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if _, err := in.Write(data); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Keep(); err == nil {
		t.Error("keeps what is damaged")
	}
	in, err = c.Receive(key, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Drop(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(c.Dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAHostCannotWriteElsewhere(t *testing.T) {
	c := Cache{Dir: filepath.Join(t.TempDir(), "cache")}
	key, data := pack(t, "x/../../../out", "x")
	in, err := c.Receive(key, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(data); err != nil {
		t.Fatal(err)
	}
	if kept, err := in.Keep(); err == nil {
		t.Errorf("kept as %s", kept.Path)
	}
	if _, err := c.Receive(key, 1<<40); err == nil {
		t.Error("takes a terabyte")
	}
	if left, _ := os.ReadDir(c.Dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestParallelBuilds(t *testing.T) {
	c := Cache{Dir: t.TempDir()}
	key, data := pack(t, "3.3.6", strings.Repeat("x", 100_000))
	var builds sync.WaitGroup
	for range 8 {
		builds.Go(func() {
			for range 10 {
				keep(t, c, key, data)
				if found := find(t, c); len(found.Offers) != 1 || len(found.Refused) > 0 {
					t.Errorf("%+v", found)
				}
			}
		})
	}
	builds.Wait()
	if left, _ := os.ReadDir(c.Dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

func TestDownload(t *testing.T) {
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served++
		if r.URL.Path != "/ruby.tar.gz" {
			http.NotFound(w, r)
		}
		_, _ = io.WriteString(w, "ruby")
	}))
	defer server.Close()
	sum := sha256.Sum256([]byte("ruby"))
	want, dir := hex.EncodeToString(sum[:]), filepath.Join(t.TempDir(), "made")
	for range 2 {
		path, err := Download(t.Context(), dir, server.URL+"/ruby.tar.gz", want)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "ruby" {
			t.Error(string(text), err)
		}
	}
	if served != 1 {
		t.Errorf("fetched %d times", served)
	}
	for url, part := range map[string]string{server.URL + "/ruby.tar.gz": "damaged or another one", server.URL + "/other": "404"} {
		if _, err := Download(t.Context(), t.TempDir(), url, strings.Repeat("0", 64)); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if left, _ := filepath.Glob(dir + "/.*"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
