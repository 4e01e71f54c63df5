package bundle

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

const testNonce = "00112233445566778899aabbccddeeff"

func testInput() Input {
	return Input{
		Blueprint: &blueprint.Blueprint{
			Format: blueprint.Format,
			User:   blueprint.User{Name: "deploy", UID: 2000, GID: 2000, Home: "/home/deploy", Shell: "/bin/bash"},
		},
		Arch:  "amd64",
		Nonce: testNonce,
		RunID: "run-1",
	}
}

func zipped(t *testing.T, data string) []byte {
	t.Helper()
	out, err := compress([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSameInputGivesSameBytes(t *testing.T) {
	tool := zipped(t, "tool")
	first, err := assemble(testInput(), tool, folders)
	if err != nil {
		t.Fatal(err)
	}
	second, err := assemble(testInput(), tool, folders)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two bundles of one input differ")
	}
}

func TestHeaderLeavesNoPlaceholder(t *testing.T) {
	head := string(header(testInput(), 1, 1, folders))
	for line := range strings.Lines(head) {
		if i := strings.IndexByte(line, '@'); i >= 0 && line[i:] != "@\"\n" && !strings.Contains(line, `"$@"`) {
			t.Errorf("left in the header: %s", line)
		}
	}
}

func TestPartsFollowTheHeaderInOrder(t *testing.T) {
	in := testInput()
	tool := zipped(t, "the tool")
	got, err := assemble(in, tool, folders)
	if err != nil {
		t.Fatal(err)
	}
	_, packed, found := bytes.Cut(got, tool)
	if !found {
		t.Fatal("the tool's bytes are not in the bundle")
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	description, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := in.Blueprint.Encode(); !bytes.Equal(description, want) {
		t.Errorf("blueprint in the bundle:\n%s\nwant:\n%s", description, want)
	}
}

func TestAssembleRefusesWhatTheShellWouldRead(t *testing.T) {
	for name, change := range map[string]func(*Input){
		"no nonce":         func(in *Input) { in.Nonce = "" },
		"short nonce":      func(in *Input) { in.Nonce = "abc" },
		"quote in nonce":   func(in *Input) { in.Nonce = testNonce + "'" },
		"no run id":        func(in *Input) { in.RunID = "" },
		"newline in run":   func(in *Input) { in.RunID = "a\nb" },
		"relative archive": func(in *Input) { in.ArchiveRemotePath = "ruby.tar.gz" },
		"quote in archive": func(in *Input) { in.ArchiveRemotePath = "/tmp/ruby'.tar.gz" },
		"space in archive": func(in *Input) { in.ArchiveRemotePath = "/tmp/my ruby" },
	} {
		t.Run(name, func(t *testing.T) {
			in := testInput()
			change(&in)
			if _, err := assemble(in, nil, folders); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestTool(t *testing.T) {
	files := fstest.MapFS{"tool/deployhost_linux_arm64.gz": {Data: []byte("arm")}}
	if got, err := toolFrom(files, "arm64"); err != nil || string(got) != "arm" {
		t.Errorf("arm64: %q, %v", got, err)
	}
	_, err := toolFrom(files, "amd64")
	if err == nil || !strings.Contains(err.Error(), "make build") || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing tool must be told with its remedy, got: %v", err)
	}
	if _, err := toolFrom(files, "riscv64"); err == nil {
		t.Error("riscv64: no error")
	}
}

func TestCheckPath(t *testing.T) {
	for p, ok := range map[string]bool{
		"/tmp":              true,
		"/":                 true,
		"/var/tmp/":         true,
		"/opt/a-b_c.d":      true,
		"":                  false,
		"tmp":               false,
		"~/tmp":             false,
		"/tmp/a b":          false,
		"/tmp/$HOME":        false,
		"/tmp/a`id`":        false,
		"/tmp\n":            false,
		"/tmp/../etc":       false,
		"/tmp//x":           false,
		"/tmp/\u00e9":       false,
		`C:\Windows\Temp`:   false,
		"/tmp/a;rm":         false,
		"/tmp/{{.Variable}": false,
	} {
		if err := CheckPath(p); (err == nil) != ok {
			t.Errorf("CheckPath(%q) = %v, want ok %v", p, err, ok)
		}
	}
}
