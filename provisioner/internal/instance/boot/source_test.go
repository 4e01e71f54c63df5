package boot

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// stuck is a source that never answers, not even to a cancelled context.
type stuck struct{}

func (stuck) lookup(context.Context, instance.From) (string, error) { select {} }

func TestStuckSourceEndsWithTheHooksTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sources{files: stuck{}}.lookup(ctx, instance.From{Kind: instance.FileAt, Arg: "/nfs/x"})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "file:/nfs/x") {
		t.Error(err)
	}
}

// fixed answers everything alike.
type fixed string

func (f fixed) lookup(context.Context, instance.From) (string, error) { return string(f), nil }

func TestValuesMustFitIntoOneFile(t *testing.T) {
	t.Parallel()
	rules := baseRules()
	for _, name := range strings.Fields("A B C D E F G H I") {
		rules.Values = append(rules.Values, instance.Value{Name: name, From: "region"})
	}
	d := decide(t.Context(), &rules, sources{cloud: fixed(strings.Repeat("x", systemd.MaxEnvValue))})
	if len(d.problems) != 1 || !strings.Contains(d.problems[0], "65536 is the most") || d.outputs != nil {
		t.Errorf("problems %q, %d outputs", d.problems, len(d.outputs))
	}
	d = decide(t.Context(), &rules, sources{cloud: fixed(strings.Repeat("x", systemd.MaxEnvValue+1))})
	if len(d.warnings) != 9 || len(d.problems) != 0 {
		t.Errorf("warnings %q, problems %q", d.warnings, d.problems)
	}
}

func TestFileSource(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	full := strings.Repeat("x", systemd.MaxEnvValue)
	for name, content := range map[string]string{
		"plain": "value\n", "bare": "value", "two": "value\n\n", "empty": "", "full": full + "\n", "over": full + "xx",
		"sub/deep": "value",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.Symlink("plain", filepath.Join(root, "link")), os.Symlink("sub", filepath.Join(root, "linked")),
		os.Symlink("gone", filepath.Join(root, "dangling")), unix.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ value, err string }{
		"/plain":       {value: "value"},
		"/bare":        {value: "value"},
		"/two":         {value: "value\n"},
		"/empty":       {},
		"/missing":     {},
		"/no/dir":      {},
		"/full":        {value: full},
		"/over":        {err: "more than the 8192 bytes"},
		"/sub/deep":    {value: "value"},
		"/sub":         {err: "no regular file"},
		"/fifo":        {err: "no regular file"},
		"/link":        {err: "/link is a symbolic link"},
		"/dangling":    {err: "/dangling is a symbolic link"},
		"/linked/deep": {err: "/linked is a symbolic link"},
		"/plain/below": {err: "/plain is a symbolic link or no directory"},
	} {
		value, err := fileSource{root: root}.lookup(t.Context(), instance.From{Kind: instance.FileAt, Arg: name})
		if value != tc.value || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %.20q, %v", name, value, err)
		}
	}
}

func TestThisMachineAnswers(t *testing.T) {
	t.Parallel()
	for _, kind := range []instance.Kind{instance.CPUs, instance.MemoryMB} {
		value, err := thisMachine().lookup(t.Context(), instance.From{Kind: kind})
		if err != nil || value == "" || value[0] < '1' || value[0] > '9' {
			t.Errorf("%s: %q, %v", kind, value, err)
		}
	}
	if _, err := privateIP(); err != nil {
		t.Error(err)
	}
}

func TestCloudInitBombs(t *testing.T) {
	t.Parallel()
	if _, err := parseCloudInit([]byte(strings.Repeat(`{"a":`, 100_000))); err == nil {
		t.Error("100,000 levels were read")
	}
	path := filepath.Join(t.TempDir(), "data.json")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Truncate(maxInstanceData+1), file.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := readCapped(path); err == nil || !strings.Contains(err.Error(), "more than 16 MiB") {
		t.Error(err)
	}
}

func FuzzCloudInit(f *testing.F) {
	f.Add(`{"v1": {"region": "eu"}}`, "cloud_init:v1.region")
	f.Add(`{"ds": {"meta_data": {"tags": {"instance": {"a/b.c": 1}}}}}`, "tag:a/b.c")
	f.Add(`{"ds": {"meta_data": {"l": [0, [true]]}}}`, "metadata:l/1/0")
	f.Add(`{"base64_encoded_keys": ["a"], "a": "eA=="}`, "cloud_init:a")
	f.Add(`[]`, "cloud_init:-1.+1")
	f.Add(`{"a":{"":null}}`, "instance_id")
	f.Fuzz(func(t *testing.T, doc, text string) {
		from, err := instance.ParseFrom(text)
		if err != nil {
			return
		}
		if from.String() != text {
			t.Fatalf("%q became %q", text, from)
		}
		c, err := parseCloudInit([]byte(doc))
		if err != nil {
			return
		}
		value, err := c.lookup(t.Context(), from)
		if err != nil && value != "" {
			t.Fatalf("%q with %v", value, err)
		}
		if value != "" && len(c.base64) == 0 && !slices.Contains([]string{"true", "false"}, value) && !strings.ContainsAny(doc, `\`) &&
			!strings.Contains(strings.ToValidUTF8(doc, "\ufffd"), strings.TrimRight(value, "\ufffd")) {
			t.Fatalf("%q is nowhere in %q", value, doc)
		}
	})
}
