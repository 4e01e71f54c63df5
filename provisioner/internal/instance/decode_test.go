package instance

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzDecode wants rules that were read to be the same when they are written
// and read again, and to be such as the hook can work with.
func FuzzDecode(f *testing.F) {
	const head = `{"format":1,"user":{"name":"d","uid":1,"gid":1,"home":"/h"},"cloud":"auto","timeout_seconds":1,"apps":[{"name":"a"}]`
	for _, rest := range []string{
		`}`, `,"values":[{"name":"A","from":"cpus"}]}`, `,"values":[{"name":"A","from":"tag:x","default":"","pattern":"^$","apps":["a"]}]}`,
		`,"values":[{"name":"A","from":"file:/x","required":true}],"files":[{"app":"a","path":"b/c","template":"${A}$${"}]}`,
		`,"values":[{"name":"A","from":"cpus","pattern":"("}]}`, `,"files":[{"app":"a","path":"../b"}]}`, `} {}`, `,"unknown":1}`,
	} {
		f.Add(head + rest)
	}
	f.Add(`{"format":2}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := Decode([]byte(text))
		if err != nil {
			return
		}
		data, err := json.Marshal(rules)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(twice, data) {
			t.Fatalf("%s became %s, %v", data, twice, err)
		}
		for _, file := range rules.Files {
			values := map[string]string{}
			for _, v := range rules.ValuesFor(file.App) {
				if v.Required || v.Default != nil {
					values[v.Name] = "x"
				}
			}
			if _, err := Render(file.Template, values); err != nil {
				t.Fatalf("%s: %v", data, err)
			}
		}
	})
}
