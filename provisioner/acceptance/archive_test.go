//go:build acceptance && linux

package acceptance

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// TestRubyFromAnArchive moves a Ruby to the machine, which takes one session more.
func TestRubyFromAnArchive(t *testing.T) {
	t.Parallel()
	m := boot(t, testmachine.RootOptions{Name: "archive", Lower: theBaked(t).lower})
	archive, sum := rubyArchive(t)
	// Security updates change it.
	version := m.root("/usr/bin/ruby", "-e", "print RUBY_VERSION")
	vars := variables{"archive": archive, "sha256": sum, "ruby_version": version, "cache_dir": t.TempDir()}
	if run := mustBuild(t, "testdata/templates/archive", m.Addr(), vars); run.Sessions != 4 {
		t.Errorf("%d SSH sessions, not 4", run.Sessions)
	}
	m.nothingLeft()
	m.root("deployhost", "verify")
	rbenv := []string{"env", "RBENV_ROOT=/usr/local/rbenv", "/usr/local/rbenv/bin/rbenv"}
	if versions := m.root(append(rbenv, "versions", "--bare")...); !strings.Contains("\n"+versions+"\n", "\n"+version+"\n") {
		t.Errorf("rbenv lists\n%s", versions)
	}
	if ruby := m.root(append(rbenv, "which", "ruby")...); ruby != "/usr/local/rbenv/versions/"+version+"/bin/ruby" {
		t.Errorf("rbenv runs %s", ruby)
	}

	before, err := readTree(m.RootDir(), settled)
	if err != nil {
		t.Fatal(err)
	}
	vars["archive"] = serveFile(t, archive)
	mustBuild(t, "testdata/templates/archive", m.Addr(), vars)
	after, err := readTree(m.RootDir(), settled)
	if err != nil {
		t.Fatal(err)
	}
	if changed := before.changes(after); len(changed) > 0 {
		t.Errorf("the second run, with the same from a URL, changed %q", changed)
	}
	m.root("rm", "-r", "/usr/local/rbenv/versions")
	mustBuild(t, "testdata/templates/archive", m.Addr(), vars)
	m.root("deployhost", "verify")
}

// serveFile gives the URL of a file.
func serveFile(t *testing.T, path string) string {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(path))))
	t.Cleanup(server.Close)
	return server.URL + "/" + filepath.Base(path)
}

// rubyArchive packs a Ruby that borrows the distribution's interpreter.
func rubyArchive(t *testing.T) (path, sum string) {
	t.Helper()
	var data bytes.Buffer
	compressed := gzip.NewWriter(&data)
	archive := tar.NewWriter(compressed)
	for _, name := range []string{"ruby", "gem", "bundle"} {
		script := "#!/bin/sh\nexec /usr/bin/" + name + " \"$@\"\n"
		header := &tar.Header{Typeflag: tar.TypeReg, Name: "ruby/bin/" + name, Mode: 0o755, Size: int64(len(script))}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(script)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "ruby.tar.gz")
	if err := os.WriteFile(path, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(data.Bytes())
	return path, hex.EncodeToString(digest[:])
}
