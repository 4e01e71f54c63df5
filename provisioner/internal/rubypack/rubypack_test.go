package rubypack

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var theHeader = Header{
	Inputs:   Inputs{Version: "3.3.6", Prefix: "/usr/local/rbenv/versions/3.3.6", Distribution: "debian 12", Arch: "amd64", Libc: "glibc 2.36"},
	Packages: []string{"libssl3:amd64"}, Compiler: "cc 12", RubyBuild: "1", Seconds: 300,
}

func create(t *testing.T, h Header, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pack")
	if err := Create(file, h, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRoundTrip(t *testing.T) {
	file := create(t, theHeader, "content\n")
	p, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if diff := cmp.Diff(theHeader, p.Header); diff != "" {
		t.Error(diff)
	}
	content, err := io.ReadAll(p.Content())
	if err != nil || string(content) != "content\n" {
		t.Errorf("content %q (%v)", content, err)
	}
	all, err := io.ReadAll(p.All())
	onDisk, _ := os.ReadFile(file)
	if err != nil || !bytes.Equal(all, onDisk) || p.Size != int64(len(all)) {
		t.Errorf("all of it is %d bytes, not %d (%v)", len(all), len(onDisk), err)
	}
}

// Whatever byte is another one, and wherever the file ends, it is refused: also
// within the header, from which the key is made.
func TestEveryDamageIsSeen(t *testing.T) {
	file := create(t, theHeader, strings.Repeat("content", 20))
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, at int, data []byte) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := Open(file); err == nil {
			t.Errorf("%s at %d passes", what, at)
			_ = p.Close()
		}
	}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1
		try("another byte", i, flipped)
		try("the end", i, whole[:i])
	}
	try("more", len(whole), append(bytes.Clone(whole), 'x'))
}

// Nothing that a Ruby depends on may be left out of its key.
func TestEveryInputIsInTheKey(t *testing.T) {
	seen := map[string]string{Inputs{}.Key(): "nothing"}
	kind := reflect.TypeFor[Inputs]()
	for i := range kind.NumField() {
		var in Inputs
		switch field := reflect.ValueOf(&in).Elem().Field(i); field.Kind() {
		case reflect.String:
			field.SetString("x")
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Slice:
			field.Set(reflect.ValueOf([]string{"x"}))
		default:
			t.Fatalf("a field of kind %s", field.Kind())
		}
		name := kind.Field(i).Name
		if other, ok := seen[in.Key()]; ok {
			t.Errorf("%s and %s give one key", name, other)
		}
		seen[in.Key()] = name
	}
}

func TestOffers(t *testing.T) {
	one := Offer{Key: strings.Repeat("a", 64), SHA256: strings.Repeat("b", 64), Size: 12}
	got, err := ParseOffers(one.String() + " " + one.String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Offer{one, one}, got); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"x", "a:b:1", one.Key + ":" + one.SHA256 + ":x"} {
		if _, err := ParseOffers(text); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}
