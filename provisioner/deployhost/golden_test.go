package deployhost

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclparse"
	"golang.org/x/tools/txtar"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// decode reads the body of a provisioner block from a case, the way that
// Packer does: through the spec, as a cty value.
func decode(t *testing.T, archive *txtar.Archive) (*Provisioner, error) {
	t.Helper()
	p := &Provisioner{}
	body := parse(t, archive)
	value, diags := hcldec.Decode(body, p.ConfigSpec(), nil)
	if diags.HasErrors() {
		t.Fatalf("decode: %s", diags)
	}
	t.Chdir(caseDir(t, archive))
	err := p.Prepare(value)
	return p, err
}

func parse(t *testing.T, archive *txtar.Archive) hcl.Body {
	t.Helper()
	for _, f := range archive.Files {
		var file *hcl.File
		var diags hcl.Diagnostics
		switch f.Name {
		case "host.hcl":
			file, diags = hclparse.NewParser().ParseHCL(f.Data, f.Name)
		case "host.json":
			file, diags = hclparse.NewParser().ParseJSON(f.Data, f.Name)
		default:
			continue
		}
		if diags.HasErrors() {
			t.Fatalf("parse %s: %s", f.Name, diags)
		}
		return file.Body
	}
	t.Fatal("the case has neither host.hcl nor host.json")
	return nil
}

// caseDir lays out the files that the configuration names, below "files/".
func caseDir(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, "files/")
		if !ok {
			continue
		}
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func cases(t *testing.T, pattern string, run func(t *testing.T, archive *txtar.Archive) map[string]string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases in %s (%v)", pattern, err)
	}
	for _, name := range names {
		absolute, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(absolute)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, absolute, archive, run(t, archive))
		})
	}
}

// compare checks every section of a case that run has an answer for, and
// wants at least one.
func compare(t *testing.T, name string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	compared := 0
	for i, f := range archive.Files {
		answer, ok := got[f.Name]
		if strings.HasPrefix(f.Name, "/") && !ok {
			t.Errorf("%s is not in the image", f.Name)
		}
		if f.Name == "capistrano" && !ok {
			t.Error("the configuration asks for no file for Capistrano")
		}
		if !ok {
			continue
		}
		compared++
		if *update {
			archive.Files[i].Data = []byte(answer)
		} else if diff := cmp.Diff(string(f.Data), answer); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
	}
	if compared == 0 {
		t.Error("the case compares nothing")
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGolden shows HCL in and the image out. "tree" is the whole image, one
// entry a line; a section named by an absolute path is that file's content;
// "ruby" is what the blueprint says of it; "warnings" are what people read when the build begins; "capistrano" is the
// file of that attribute.
func TestGolden(t *testing.T) {
	cases(t, "testdata/golden/*.txtar", func(t *testing.T, archive *txtar.Archive) map[string]string {
		p, err := decode(t, archive)
		if err != nil {
			t.Fatal(err)
		}
		c := planned(t, p)
		if again := planned(t, p); cmp.Diff(encode(t, c.blueprint), encode(t, again.blueprint)) != "" {
			t.Error("the same configuration gave other bytes")
		}
		got := map[string]string{
			"tree":     tree(c.blueprint),
			"packages": strings.Join(c.blueprint.Packages, "\n") + "\n",
			"warnings": strings.Join(c.warnings, "\n") + "\n",
			"ruby":     indented(t, c.blueprint.Ruby),
		}
		if c.capistrano != nil {
			got["capistrano"] = c.capistrano.text
		}
		for _, e := range c.blueprint.Entries {
			if e.Kind == blueprint.File {
				got[e.Path] = e.Content
			}
		}
		return got
	})
}

// TestMistakes shows HCL in and what people read, all of it.
func TestMistakes(t *testing.T) {
	cases(t, "testdata/mistakes/*.txtar", func(t *testing.T, archive *txtar.Archive) map[string]string {
		_, err := decode(t, archive)
		if err == nil {
			t.Fatal("the configuration passed")
		}
		return map[string]string{"mistakes": err.Error() + "\n"}
	})
}

// TestUnknownValuesPass is what Packer puts in place of data sources and
// build variables while it validates.
func TestUnknownValuesPass(t *testing.T) {
	names, _ := filepath.Glob("testdata/unknown/*.txtar")
	if len(names) == 0 {
		t.Fatal("no cases")
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p, err := decode(t, archive)
			if err != nil {
				t.Errorf("validate: %v", err)
			}
			if _, err := p.config.check(true); err == nil {
				t.Error("Provision would take a value that is not known")
			}
		})
	}
}

func planned(t *testing.T, p *Provisioner) checked {
	t.Helper()
	c, err := p.config.check(true)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encode(t *testing.T, b *blueprint.Blueprint) string {
	t.Helper()
	data, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blueprint.Decode(data); err != nil {
		t.Fatalf("the host tool would refuse it: %v", err)
	}
	return string(data)
}

func indented(t *testing.T, r *blueprint.Ruby) string {
	t.Helper()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func tree(b *blueprint.Blueprint) string {
	var out strings.Builder
	for _, e := range b.Entries {
		owner := map[blueprint.Owner]string{blueprint.Root: "root", blueprint.DeployUser: b.User.Name}[e.Owner]
		switch e.Kind {
		case blueprint.Link:
			fmt.Fprintf(&out, "link      %-6s %s -> %s\n", owner, e.Path, e.Target)
		case blueprint.Dir:
			fmt.Fprintf(&out, "dir  %s %-6s %s\n", e.Mode, owner, e.Path)
		default:
			fmt.Fprintf(&out, "file %s %-6s %s\n", e.Mode, owner, e.Path)
		}
	}
	return out.String()
}
