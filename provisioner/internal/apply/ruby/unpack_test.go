package ruby

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is one of an archive's; a name that ends in "/" is a directory.
type entry struct {
	name, link, content string
	kind                byte
	mode                int64
}

func pack(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Linkname: e.link, Typeflag: e.kind, Mode: e.mode, Size: int64(len(e.content)), Format: tar.FormatPAX}
		if e.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Skip(err) // only a fuzzer's names cannot be packed
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var theRuby = entry{name: "bin/ruby", content: "#!"}

func TestUnpack(t *testing.T) {
	sym := func(name, target string) entry { return entry{name: name, link: target, kind: tar.TypeSymlink} }
	for _, tt := range []struct {
		name    string
		entries []entry
		top     string
		err     string // a part of it
	}{
		{name: "at the top", entries: []entry{theRuby}, top: "."},
		{name: "one down", entries: []entry{{name: "./3.3.6/", kind: tar.TypeDir}, {name: "./3.3.6/bin/ruby"}}, top: "3.3.6"},
		{name: "two down", entries: []entry{{name: "a/b/bin/ruby"}}, err: "holds no bin/ruby"},
		{name: "not executable", entries: []entry{{name: "bin/ruby", mode: 0o644}}, err: "holds no bin/ruby"},
		{name: "ruby is a link", entries: []entry{{name: "bin/ruby3.3"}, sym("bin/ruby", "ruby3.3")}, top: "."},
		{name: "links inside", entries: []entry{theRuby, sym("lib/a", "../bin/ruby"), {name: "lib/h", link: "bin/ruby", kind: tar.TypeLink}}, top: "."},
		{name: "absolute name", entries: []entry{theRuby, {name: "/etc/passwd"}}, err: "leads out"},
		{name: "name upwards", entries: []entry{theRuby, {name: "lib/../../x"}}, err: "leads out"},
		{name: "absolute link", entries: []entry{theRuby, sym("lib/a", "/etc")}, err: "outside of the Ruby"},
		{name: "link upwards", entries: []entry{theRuby, sym("lib/a", "../../x")}, err: "outside of the Ruby"},
		{name: "link upwards from one down", entries: []entry{{name: "r/bin/ruby"}, sym("r/a", "../x")}, err: "outside of the Ruby"},
		{name: "link through a link", entries: []entry{theRuby, sym("sub/d", ".."), sym("sub/e", "d/../x")}, err: "detour"},
		{name: "link below a link", entries: []entry{theRuby, sym("sub/d", ".."), sym("sub/d/e", "../../x")}, err: "detour"},
		{name: "hard link upwards", entries: []entry{theRuby, {name: "x", link: "../../etc/passwd", kind: tar.TypeLink}}, err: "leads out"},
		{name: "file through a link", entries: []entry{theRuby, sym("d", "lib"), {name: "d/f"}}, err: "exists"},
		{name: "device", entries: []entry{theRuby, {name: "null", kind: tar.TypeChar}}, err: "tar type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := pack(t, tt.entries...)
			top, sum, err := Unpack(bytes.NewReader(data), t.TempDir())
			if (err != nil) != (tt.err != "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if want := sha256.Sum256(data); err == nil && (top != tt.top || sum != hex.EncodeToString(want[:])) {
				t.Errorf("top %q, want %q; sum %s", top, tt.top, sum)
			}
		})
	}
}

func TestUnpackDropsDangerousBits(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Unpack(bytes.NewReader(pack(t, entry{name: "bin/ruby", mode: 0o6777}, entry{name: "lib", mode: 0o666})), dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"bin/ruby": 0o755, "lib": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, want %v (%v)", name, info.Mode(), want, err)
		}
	}
}

// No archive writes, or makes a link that leads, out of its directory.
func FuzzUnpack(f *testing.F) {
	f.Add("a", "..", "a/b", "../x", true)
	f.Add("../x", "/", "sub/d", "d/../..", false)
	f.Add("bin", "lib", "bin/x", "./../../", true)
	f.Fuzz(func(t *testing.T, name1, target1, name2, target2 string, hard bool) {
		kind := byte(tar.TypeSymlink)
		if hard {
			kind = tar.TypeLink
		}
		data := pack(t, theRuby, entry{name: name1, link: target1, kind: tar.TypeSymlink},
			entry{name: name2, link: target2, kind: kind}, entry{name: name1 + "/f", content: "x"}, entry{name: name2, content: "y"})
		parent := t.TempDir()
		dir := parent + "/in"
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_, _, _ = Unpack(bytes.NewReader(data), dir)
		if files, err := os.ReadDir(parent); err != nil || len(files) != 1 {
			t.Fatalf("wrote beside its directory: %v %v", files, err)
		}
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.Type() != fs.ModeSymlink {
				return err
			}
			if end, err := filepath.EvalSymlinks(path); err == nil && end != dir && !strings.HasPrefix(end, dir+"/") {
				t.Errorf("%s leads to %s", path, end)
			}
			return nil
		})
	})
}
