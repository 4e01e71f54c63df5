package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/tools/txtar"
)

// TestJudge looks at each testdata/judge/*.txtar. Each begins with the state in
// testdata/well.json, where all is well, and has
//
//	set  what is different: lines of a path in JSON's names and its new value
//	screen, problems  what comes of it for people and, without the state, for machines; either or both
func TestJudge(t *testing.T) {
	t.Parallel()
	eachCase(t, "testdata/judge", func(t *testing.T, archive *txtar.Archive) map[string]string {
		t.Helper()
		report := Judge(stateWith(t, section(archive, "set")))
		screen, problems := both(t, report)
		for line := range strings.Lines(screen) {
			if !strings.HasPrefix(line, "       ") && utf8.RuneCountInString(line) > width+1 {
				t.Errorf("more than %d columns: %s", width, line)
			}
		}
		return map[string]string{"screen": screen, "problems": problems}
	})
}

// both are the report for people, and the problems for machines.
func both(t *testing.T, report *Report) (screen, problems string) {
	t.Helper()
	var human, machine bytes.Buffer
	if err := report.Print(&human, time.UTC); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteJSON(&machine); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(machine.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(back.Problems, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if back.OK != (len(back.Problems) == 0) {
		t.Errorf("ok is %t with %d problems", back.OK, len(back.Problems))
	}
	return human.String(), string(data) + "\n"
}

func stateWith(t *testing.T, changes string) State {
	t.Helper()
	data, err := os.ReadFile("testdata/well.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(changes) {
		path, text, ok := strings.Cut(strings.TrimSpace(line), " = ")
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil || !ok {
			t.Fatalf("%s: %v", line, err)
		}
		if err := set(doc, strings.Split(path, "."), value); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if data, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	var state State
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

func set(in any, path []string, value any) error {
	switch node := in.(type) {
	case map[string]any:
		if len(path) > 1 {
			return set(node[path[0]], path[1:], value)
		}
		node[path[0]] = value
		return nil
	case []any:
		i, err := strconv.Atoi(path[0])
		switch {
		case err != nil || i >= len(node):
		case len(path) > 1:
			return set(node[i], path[1:], value)
		default:
			node[i] = value
			return nil
		}
	}
	return fmt.Errorf("there is no %s", strings.Join(path, "."))
}
