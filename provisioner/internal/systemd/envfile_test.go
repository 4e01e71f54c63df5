package systemd

import (
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

func TestEnvFileForm(t *testing.T) {
	t.Parallel()
	got, err := EncodeEnvFile([]blueprint.EnvVar{
		{Name: "B", Value: "a \"b\" `c` $d \\ %e 'f'\nnext"},
		{Name: "A", Value: ""},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "B=\"a \\\"b\\\" \\`c\\` \\$d \\\\ %e 'f'\nnext\"\nA=\"\"\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestEnvFileRefusals(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", MaxEnvValue)
	many := make([]blueprint.EnvVar, 9)
	for i := range many {
		many[i] = blueprint.EnvVar{Name: "N" + string(rune('A'+i)), Value: big}
	}
	for name, tc := range map[string]struct {
		vars []blueprint.EnvVar
		want string
	}{
		"empty name":    {[]blueprint.EnvVar{{Value: "secret"}}, `"" is no environment`},
		"digit first":   {[]blueprint.EnvVar{{Name: "1A", Value: "secret"}}, `"1A" is no environment`},
		"dash":          {[]blueprint.EnvVar{{Name: "A-B", Value: "secret"}}, `"A-B" is no environment`},
		"newline":       {[]blueprint.EnvVar{{Name: "A\n", Value: "secret"}}, "is no environment"},
		"twice":         {[]blueprint.EnvVar{{Name: "A", Value: "secret"}, {Name: "A", Value: "b"}}, "A is there twice"},
		"NUL":           {[]blueprint.EnvVar{{Name: "A", Value: "secret\x00"}}, "NUL at byte 6"},
		"latin 1":       {[]blueprint.EnvVar{{Name: "A", Value: "secret\xe9"}}, "not UTF-8"},
		"surrogate":     {[]blueprint.EnvVar{{Name: "A", Value: "secret\xed\xa0\x80"}}, "not UTF-8"},
		"U+FFFF":        {[]blueprint.EnvVar{{Name: "A", Value: "secret\uffff"}}, "noncharacter U+FFFF at byte 6"},
		"U+1FFFE":       {[]blueprint.EnvVar{{Name: "A", Value: "\U0001fffe"}}, "noncharacter"},
		"U+FDD0":        {[]blueprint.EnvVar{{Name: "A", Value: "\ufdd0"}}, "noncharacter"},
		"big value":     {[]blueprint.EnvVar{{Name: "A", Value: big + "x"}}, "8193 bytes"},
		"big in all":    {many, "65536 is the most"},
		"biggest value": {[]blueprint.EnvVar{{Name: "A", Value: big}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := EncodeEnvFile(tc.vars)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("error %v, want %q", err, tc.want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("error tells the value: %v", err)
			}
		})
	}
}

func TestDecodeEnvFileRefusals(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		"A", "A=b\n", "A='b'\n", `A="b"`, "A=\"b\" \n", "A=\"b\"\n\n", "# c\n", "A=\"$b\"\n", "A=\"`\"\n", `A="\`, "A=\"\\n\"\n",
		"A=\"\x00\"\n", "A=\"\xff\"\n", "A=\"a\"\nA=\"b\"\n", " A=\"b\"\n", "export A=\"b\"\n", "A=\"\uffff\"\n",
	} {
		if vars, err := DecodeEnvFile([]byte(data)); err == nil {
			t.Errorf("%q: read as %v", data, vars)
		}
	}
}

// TestEnvFileInShell has the other reader that people point at such a file.
func TestEnvFileInShell(t *testing.T) {
	t.Parallel()
	for _, value := range hostile(t) {
		data, err := EncodeEnvFile([]blueprint.EnvVar{{Name: "A", Value: value}})
		if unreadable(value) != "" && err != nil {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", string(data)+`printf '%s|' "$A"`).Output()
		if err != nil || string(out) != value+"|" {
			t.Errorf("%q: sh reads %q, %v", value, out, err)
		}
	}
}

func FuzzEnvFileRoundTrip(f *testing.F) {
	for _, v := range hostile(f) {
		f.Add("NAME", v)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		vars := []blueprint.EnvVar{{Name: "FIRST", Value: value}, {Name: name, Value: value}}
		data, err := EncodeEnvFile(vars)
		if err != nil {
			if CheckEnvName(name) == nil && CheckEnvValue(value) == nil && name != "FIRST" && len(value) < MaxEnvFile/8 {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		if !utf8.Valid(data) {
			t.Fatalf("not UTF-8: %q", data)
		}
		got, err := DecodeEnvFile(data)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if diff := cmp.Diff(vars, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzDecodeEnvFile(f *testing.F) {
	for _, v := range hostile(f) {
		f.Add("A=\"" + v + "\"\n")
	}
	f.Fuzz(func(t *testing.T, data string) {
		vars, err := DecodeEnvFile([]byte(data))
		if err != nil {
			return
		}
		again, err := EncodeEnvFile(vars)
		if err != nil || string(again) != data {
			t.Fatalf("%q was read, but is written as %q, %v", data, again, err)
		}
	})
}
