package boot

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
)

// FuzzHook has the whole hook write what an instance's tag says, beside a value
// that has to be there whatever the tag says.
func FuzzHook(f *testing.F) {
	for _, value := range []string{
		"plain", "", "a\"b\\c`d$e", "\nB=\"c\"\n", "$(touch x)", "${CANARY}", "\x00", "\xff", "\uffff", redacted, strings.Repeat("x", systemd.MaxEnvValue),
		strings.Repeat("x", systemd.MaxEnvValue+1),
	} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, tag []byte) {
		m := newMachine(t, &txtar.Archive{})
		fallback := "fallback"
		rules := baseRules()
		rules.Values = []instance.Value{
			{Name: "TAG", From: "tag:a", Default: &fallback}, {Name: "CANARY", From: "tag:canary", Required: true},
		}
		rules.Files = []instance.File{{App: "shop", Path: "a/b", Template: "<${TAG}|${CANARY}>"}}
		m.putJSON(t, blueprint.InstanceRulesPath, rules)
		m.putJSON(t, sensitiveData, map[string]any{
			"base64_encoded_keys": []string{"ds/meta_data/tags/a"},
			"ds": map[string]any{"meta_data": map[string]any{"tags": map[string]any{
				"a": base64.StdEncoding.EncodeToString(tag), "canary": "bird",
			}}},
		})
		verdict, err := Run(t.Context(), m.host)
		if err != nil || !verdict.OK {
			t.Fatalf("%v, %+v", err, verdict)
		}
		m.checkLog(t)
		want := string(tag)
		if want == "" || len(want) > 8192 || !utf8.Valid(tag) || strings.Contains(want, "\x00") || noncharacter(want) {
			want = fallback
		}
		vars, err := systemd.DecodeEnvFile(m.get(t, instance.EnvFile("shop")))
		if err != nil || len(vars) != 2 || vars[0].Value != want || vars[1].Value != "bird" {
			t.Fatalf("%q was written as %q, %v", tag, vars, err)
		}
		if got := string(m.get(t, "/run/deployhost/shop/a/b")); got != "<"+want+"|bird>" {
			t.Fatalf("%q was rendered as %q", tag, got)
		}
	})
}

// noncharacter finds one of Unicode's 66 (Unicode 23.7).
func noncharacter(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe })
}

func (m *machine) putJSON(t *testing.T, name string, value any) {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	m.put(t, name, string(data))
}

func (m *machine) get(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(m.host.Users.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// FuzzNoNaN leaves JSON as it is, and never makes less of a document.
func FuzzNoNaN(f *testing.F) {
	for _, doc := range []string{
		`{"a":NaN}`, `{"a":"NaN"}`, `{"a":"\"NaN"}`, `[Infinity,-Infinity,"-Infinity"]`, `{"NaN":1}`, `"\\",NaN`, `"NaN`, `-NaN`, `{"a":"\u004eaN"}`,
	} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		got := string(noNaN([]byte(doc)))
		if json.Valid([]byte(doc)) && got != doc {
			t.Fatalf("%q is JSON, but became %q", doc, got)
		}
		if twice := string(noNaN([]byte(got))); twice != got {
			t.Fatalf("%q became %q and then %q", doc, got, twice)
		}
	})
}

func TestNaNIsNoValue(t *testing.T) {
	t.Parallel()
	c, err := parseCloudInit([]byte(`{"a": NaN, "b": [Infinity, -Infinity], "c": "NaN \" -Infinity"}`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"a": "", "b/0": "", "b/1": "", "c": `NaN " -Infinity`} {
		from := instance.From{Kind: instance.CloudInit, Arg: path}
		if got, err := c.lookup(t.Context(), from); err != nil || got != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}
