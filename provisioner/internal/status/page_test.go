package status

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryKindIsDocumentedAndHasACase reads the kinds of problem where they are written.
func TestEveryKindIsDocumentedAndHasACase(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/judge/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var cases strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cases.Write(text)
	}
	source, err := os.ReadFile("advice.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`ID = "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(kinds) < 20 {
		t.Fatalf("only %d kinds", len(kinds))
	}
	for _, kind := range kinds {
		if !strings.Contains(string(page), "`"+kind[1]+"`") {
			t.Errorf("docs/status.md does not tell of %s", kind[1])
		}
		if !strings.Contains(cases.String(), `"id": "`+kind[1]+`"`) {
			t.Errorf("no case has %s", kind[1])
		}
	}
}
