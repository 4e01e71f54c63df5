package instance

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

func sound() Rules {
	text := "a"
	return Rules{
		Format: Format, Cloud: "auto", TimeoutSeconds: 15,
		User: blueprint.User{Name: "deploy", UID: 2000, GID: 2000, Home: "/home/deploy"},
		Apps: []AppRules{{Name: "shop"}, {Name: "desk"}},
		Values: []Value{
			{Name: "CELL", From: "tag:cell", Default: &text, Pattern: "^[a-z]$"},
			{Name: "URL", From: "file:/etc/url", Required: true, Apps: []string{"shop"}},
			{Name: "URL", From: "file:/etc/other", Apps: []string{"desk"}},
		},
		Files: []File{{App: "shop", Path: "config/database.yml", Template: "${URL} ${CELL} $${X}"}, {App: "desk", Path: "config/x"}},
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	want := sound()
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "{}", `{"format": 2}`, `{"format": 1, "x": 1}`, string(data) + "{}", string(data[:len(data)-1])} {
		if _, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%.30q was read", bad)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	upper := "UPPER"
	for want, breach := range map[string]func(r *Rules){
		"":                            func(*Rules) {},
		"the user needs":              func(r *Rules) { r.User.UID = 0 },
		"instance.cloud: \"gce\"":     func(r *Rules) { r.Cloud = "gce" },
		"instance.timeout: 61 s":      func(r *Rules) { r.TimeoutSeconds = 61 },
		"app[1].name: \"shop\" is":    func(r *Rules) { r.Apps[1].Name = "shop"; r.Values = nil; r.Files = nil },
		"cannot name a directory":     func(r *Rules) { r.Apps = append(r.Apps, AppRules{Name: "../x"}) },
		"\"instance.json\" cannot":    func(r *Rules) { r.Apps = append(r.Apps, AppRules{Name: "instance.json"}) },
		"value[0] (A-B)":              func(r *Rules) { r.Values[0].Name = "A-B" },
		"is no source: use one of":    func(r *Rules) { r.Values[0].From = "regoin" },
		"network: cpus comes":         func(r *Rules) { r.Values[0].From = "cpus"; r.Values[0].Network = true },
		"network: memory_mb comes":    func(r *Rules) { r.Values[0].From = "memory_mb"; r.Values[0].Network = true },
		"gives a program arguments":   func(r *Rules) { r.Values[0].From = "exec:/bin/echo a" },
		"path of a program":           func(r *Rules) { r.Values[0].From = "exec:echo" },
		"pattern: error parsing":      func(r *Rules) { r.Values[0].Pattern = "(?=x)" },
		"default: it does not match":  func(r *Rules) { r.Values[0].Default = &upper },
		"there is no app \"other\"":   func(r *Rules) { r.Values[1].Apps = []string{"other"} },
		"two values of this name":     func(r *Rules) { r.Values[2].Apps = nil },
		"value[2] (CELL): an app":     func(r *Rules) { r.Values[2].Name = "CELL" },
		"file[1] (config/x): app":     func(r *Rules) { r.Files[1].App = "other" },
		"file[1] (../x): path":        func(r *Rules) { r.Files[1].Path = "../x" },
		"file[1] (/etc/x): path":      func(r *Rules) { r.Files[1].Path = "/etc/x" },
		"file[1] (env): path":         func(r *Rules) { r.Files[1].Path = "env" },
		"file[1] (env/x): path":       func(r *Rules) { r.Files[1].Path = "env/x" },
		"file[1] (config): path":      func(r *Rules) { r.Files[1] = File{App: "shop", Path: "config"} },
		"template: line 1":            func(r *Rules) { r.Files[1].Template = "${" },
		"${NO}: app desk gets":        func(r *Rules) { r.Files[1].Template = "${NO}" },
		"${URL}: the value may be le": func(r *Rules) { r.Files[1].Template = "${URL}" },
	} {
		r := sound()
		breach(&r)
		err := r.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, error %v", want, err)
		}
	}
}

func TestEC2AnswersNotEverything(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"instance_id": "", "private_ip": "", "hostname": "", "cpus": "", "file:/etc/x": "",
		"tag:a_b-C.1=+,:@":                              "",
		"tag:a b":                                       "only tags whose names",
		"tag:a/b":                                       "only tags whose names",
		"tag:_index":                                    "only tags whose names",
		"metadata:placement/host-id":                    "",
		"metadata:placement.host-id":                    "",
		"metadata:../user-data":                         "no \"..\"",
		"cloud_init:v1.region":                          "write another source, or cloud = \"cloud-init\"",
		"metadata:dynamic/fws":                          "identity document's fields",
		"metadata:" + IdentityDocument:                  "identity document's fields",
		"metadata:" + IdentityDocument + "/accountId":   "",
		"metadata:" + IdentityDocument + "/accountId/x": "identity document's fields",
	} {
		r := sound()
		r.Cloud, r.Files, r.Values = "ec2", nil, []Value{{Name: "X", From: from}}
		err := r.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, error %v", from, want, err)
		}
		r.Cloud = "auto"
		if err := r.Validate(); err != nil {
			t.Errorf("%s: another cloud might answer: %v", from, err)
		}
	}
}

func TestParseFrom(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]From{
		"region":               {Kind: Region},
		"tag:a:b/c":            {Kind: Tag, Arg: "a:b/c"},
		"metadata:a/b.c":       {Kind: Metadata, Arg: "a/b.c"},
		"cloud_init:v1.region": {Kind: CloudInit, Arg: "v1.region"},
		"file:/etc/cell":       {Kind: FileAt, Arg: "/etc/cell"},
		"exec:/opt/a:b":        {Kind: Exec, Arg: "/opt/a:b"},
		"":                     {}, "region:": {}, "region:x": {}, "tag": {}, "tag:": {}, "metadata:": {}, "metadata:a//b": {},
		"cloud_init:.a": {},
		"file:":         {}, "file:x": {}, "file:/": {},
		"file:/a/../b": {}, "file:/a/": {}, "Region": {}, "tags:x": {},
		"exec:": {}, "exec": {}, "exec:true": {}, "exec:/": {}, "exec:/bin/": {}, "exec:/a/../b": {}, "exec:/bin/echo a": {},
		"exec:/bin/echo\ta": {}, "exec:/bin/echo\u00a0a": {}, "exec:/bin/true\n": {},
	} {
		got, err := ParseFrom(text)
		if got != want || (err == nil) != (want.Kind != "") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if diff := cmp.Diff([]string{"a", "b.c"}, From{Kind: Metadata, Arg: "a/b.c"}.Keys()); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseFrom(f *testing.F) {
	for _, text := range []string{"region", "region:x", "tag:a:b/c", "metadata:a/b.c", "cloud_init:v1.region", "file:/etc/cell", "file:/a/../b",
		"exec:/usr/local/bin/x", "exec:/bin/echo a", "exec:", ":", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		from, err := ParseFrom(text)
		if err != nil {
			if from != (From{}) {
				t.Fatalf("%q: %v with %v", text, from, err)
			}
			return
		}
		if from.String() != text {
			t.Fatalf("%q became %q", text, from)
		}
		if from.Kind == FileAt || from.Kind == Exec {
			if !filepath.IsAbs(from.Arg) || filepath.Clean(from.Arg) != from.Arg {
				t.Fatalf("%q names no clean path", text)
			}
		}
		if from.Kind == Exec && len(strings.Fields(from.Arg)) != 1 {
			t.Fatalf("%q has arguments", text)
		}
	})
}

func TestNeedsMetadata(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]bool{"cpus": false, "memory_mb": false, "file:/x": false, "exec:/x": false, "region": true, "tag:x": true,
		"hostname": true, "private_ip": true} {
		if NeedsMetadata(from) != want {
			t.Errorf("%s: %v", from, !want)
		}
	}
}
