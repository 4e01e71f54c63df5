package deployhost

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// repository is the checkout, seen from this package.
const repository = "../.."

// pagesWithExamples are those that a reader copies from.
var pagesWithExamples = []string{"README.md", "docs/capistrano.md", "docs/first-boot.md", "docs/image.md", "docs/ruby.md", "docs/unit-templates.md"}

// sampleKey is the file that examples name as keys/team.pub. Its text also
// stands for every variable without a default: those that the examples hand
// to this provisioner are public keys.
const sampleKey = repository + "/example/qemu/keys/team.pub"

// TestPages prepares and plans every example that a page shows.
func TestPages(t *testing.T) {
	pages, err := filepath.Glob(repository + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, page := range append(pages, repository+"/README.md") {
		name, err := filepath.Rel(repository, page)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = tryPage(t, string(text))
		})
	}
	for _, name := range pagesWithExamples {
		if found[name] == 0 {
			t.Errorf("%s shows no configuration: nothing was checked there", name)
		}
	}
}

// TestExamples prepares and plans the provisioner of every template in example/.
func TestExamples(t *testing.T) {
	var templates []string
	err := filepath.WalkDir(repository+"/example", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".pkr.hcl") {
			templates = append(templates, path)
		}
		return err
	})
	if err != nil || len(templates) == 0 {
		t.Fatalf("no templates in example/ (%v)", err)
	}
	for _, template := range templates {
		t.Run(filepath.Base(filepath.Dir(template)), func(t *testing.T) {
			text, err := os.ReadFile(template)
			if err != nil {
				t.Fatal(err)
			}
			dir, err := filepath.Abs(filepath.Dir(template))
			if err != nil {
				t.Fatal(err)
			}
			if tryTemplate(t, filepath.Base(template), string(text), dir, variables(t)) == 0 {
				t.Error("the template has no deployhost block")
			}
		})
	}
}

// tryPage tries a page's fences and counts the blocks that it tried:
//
//	```hcl              a whole template, or blocks of one
//	```hcl provisioner  what stands between the braces of a provisioner "deployhost"
//	```LANGUAGE PATH    a file that the page's examples name by that path
func tryPage(t *testing.T, page string) int {
	t.Helper()
	all, tried := fences(t, page), 0
	dir, values := t.TempDir(), variables(t)
	addFile(t, dir, "keys/team.pub", values[""].AsString())
	for _, f := range all {
		if len(f.info) == 2 && f.info[0] != "hcl" {
			addFile(t, dir, f.info[1], f.text)
		}
	}
	for _, f := range all {
		name := fmt.Sprintf("line-%d", f.line)
		switch strings.Join(f.info, " ") {
		case "hcl":
			tried += tryTemplate(t, name, f.text, dir, values)
		case "hcl provisioner":
			tryBody(t, name, parseHCL(t, name, f.text), dir, values)
			tried++
		}
	}
	return tried
}

// fence is a fenced code block of a page.
type fence struct {
	// info are the words behind the opening backticks.
	info []string
	text string
	line int
}

func fences(t *testing.T, page string) []fence {
	t.Helper()
	var all []fence
	var open *fence
	indent := ""
	for i, line := range strings.Split(page, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		marker, isMarker := strings.CutPrefix(trimmed, "```")
		switch {
		case isMarker && open == nil:
			open = &fence{info: strings.Fields(marker), line: i + 1}
			indent = line[:len(line)-len(trimmed)]
		case isMarker:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	if open != nil {
		t.Fatalf("the fence of line %d has no end", open.line)
	}
	return all
}

func addFile(t *testing.T, dir, name, text string) {
	t.Helper()
	at := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// topLevel are a template's blocks. Others mean that a fence lacks its
// "provisioner", and would be passed over unseen.
var topLevel = []string{"packer", "variable", "locals", "local", "data", "source", "build", "provisioner"}

// tryTemplate tries every deployhost block of a template and counts them.
func tryTemplate(t *testing.T, name, text, dir string, values map[string]cty.Value) int {
	t.Helper()
	var provisioners []*hclsyntax.Block
	for _, block := range parseHCL(t, name, text).Blocks {
		switch {
		case !slices.Contains(topLevel, block.Type):
			t.Errorf("%s: %s is no block of a template; if the fence holds a provisioner's body, tag it \"hcl provisioner\"", name, block.Type)
		case block.Type == "provisioner":
			provisioners = append(provisioners, block)
		case block.Type == "build":
			provisioners = append(provisioners, block.Body.Blocks...)
		case block.Type == "variable":
			if given, ok := block.Body.Attributes["default"]; ok {
				value, diags := given.Expr.Value(nil)
				if diags.HasErrors() {
					t.Fatalf("%s: %s", name, diags)
				}
				values[block.Labels[0]] = value
			}
		}
	}
	tried := 0
	for _, block := range provisioners {
		if block.Type == "provisioner" && slices.Equal(block.Labels, []string{"deployhost"}) {
			tryBody(t, name, block.Body, dir, values)
			tried++
		}
	}
	return tried
}

// tryBody does with a provisioner's body what Packer does: decodes it through
// the spec and prepares it; then plans the image.
func tryBody(t *testing.T, name string, body *hclsyntax.Body, dir string, values map[string]cty.Value) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Chdir(dir)
		p := &Provisioner{}
		_, rest, diags := body.PartialContent(packersOwn)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		known := evalContext(hcldec.Variables(rest, p.ConfigSpec()), dir, values)
		value, diags := hcldec.Decode(rest, p.ConfigSpec(), known)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if err := p.Prepare(value); err != nil {
			t.Fatal(err)
		}
		encode(t, planned(t, p).blueprint)
	})
}

// packersOwn is what every provisioner takes and none sees (Packer's
// hcl2template/types.build.provisioners.go).
var packersOwn = &hcl.BodySchema{
	Attributes: []hcl.AttributeSchema{
		{Name: "pause_before"}, {Name: "timeout"}, {Name: "max_retries"}, {Name: "only"}, {Name: "except"}, {Name: "continue_on_error"},
	},
	Blocks: []hcl.BlockHeaderSchema{{Type: "override"}},
}

// evalContext knows each variable that a body uses, and path.root as dir.
func evalContext(used []hcl.Traversal, dir string, values map[string]cty.Value) *hcl.EvalContext {
	objects := map[string]map[string]cty.Value{}
	for _, traversal := range used {
		object := traversal.RootName()
		if objects[object] == nil {
			objects[object] = map[string]cty.Value{}
		}
		attribute, ok := traversal[min(1, len(traversal)-1)].(hcl.TraverseAttr)
		if !ok {
			continue // the decoder says what is wrong with it
		}
		value, ok := values[attribute.Name]
		switch {
		case object == "path":
			value = cty.StringVal(dir)
		case !ok:
			value = values[""]
		}
		objects[object][attribute.Name] = value
	}
	known := &hcl.EvalContext{Variables: map[string]cty.Value{}}
	for name, attributes := range objects {
		known.Variables[name] = cty.ObjectVal(attributes)
	}
	return known
}

// variables are a template's by name; "" is for those without a default.
func variables(t *testing.T) map[string]cty.Value {
	t.Helper()
	key, err := os.ReadFile(sampleKey)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]cty.Value{"": cty.StringVal(string(key))}
}

func parseHCL(t *testing.T, name, text string) *hclsyntax.Body {
	t.Helper()
	file, diags := hclparse.NewParser().ParseHCL([]byte(text), name)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		t.Fatalf("%s: %T is no native HCL", name, file.Body)
	}
	return body
}
