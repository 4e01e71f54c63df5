//go:build acceptance && linux

package acceptance

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// mostReported are reported one by one; all are counted.
const mostReported = 20

// mismatch reports one value that did not arrive as it was given.
func (r *escapeTrial) mismatch(what, written, want string, got *string) {
	r.t.Helper()
	r.mismatches++
	switch {
	case r.mismatches > mostReported:
		r.t.Fail()
	case got == nil:
		r.t.Errorf("%s: %s is not there; it was written as %s", what, shortened(want), shortened(written))
	default:
		r.t.Errorf("%s: %s arrived as %s; it was written as %s", what, shortened(want), shortened(*got), shortened(written))
	}
}

// compare looks at what a unit's process was started with. What bare has is in
// every process's environment.
func (r *escapeTrial) compare(w witnessUnit, bare map[string][]string) {
	r.t.Helper()
	environ, argv := r.environ(w), r.strings(w, ".argv")
	if argv == nil {
		r.explain(w)
	}
	for _, v := range w.environment {
		r.compareVariable(w.unit()+": Environment= "+v.Name, systemd.Environment(v.Name, v.Value), v.Value, environ[v.Name])
	}
	for _, v := range w.files {
		r.compareVariable(w.unit()+": EnvironmentFile= "+v.Name, "the file has it", v.Value, environ[v.Name])
	}
	for i, want := range w.argv {
		var got *string
		if i < len(argv) {
			got = &argv[i]
		}
		if i > 1 || i == 0 && w.ownPath {
			r.values++
		}
		written := systemd.ExecWord(want)
		if i == 0 {
			written = systemd.ExecLine(w.argv[:1])
		}
		if got == nil || *got != want {
			r.mismatch(fmt.Sprintf("%s: ExecStart=, word %d", w.unit(), i), written, want, got)
		}
	}
	r.nothingMore(w, environ, argv, bare)
}

// nothingMore finds what a value became besides itself.
func (r *escapeTrial) nothingMore(w witnessUnit, environ map[string][]string, argv []string, bare map[string][]string) {
	r.t.Helper()
	if len(argv) > len(w.argv) {
		r.mismatch(w.unit()+": an argument more", "", "", &argv[len(w.argv)])
	}
	for _, v := range slices.Concat(w.environment, w.files) {
		delete(environ, v.Name)
	}
	for name, values := range environ {
		if _, known := bare[name]; !known {
			r.mismatch(w.unit()+": a variable that nobody set: "+name, "", "", &values[0])
		}
	}
}

func (r *escapeTrial) compareVariable(what, written, want string, got []string) {
	r.t.Helper()
	r.values++
	switch {
	case len(got) == 0:
		r.mismatch(what, written, want, nil)
	case len(got) > 1:
		r.mismatch(what+", the second of two", written, want, &got[1])
	case got[0] != want:
		r.mismatch(what, written, want, &got[0])
	}
}

// environ is a process's environment: name to its values, of which there should be one.
func (r *escapeTrial) environ(w witnessUnit) map[string][]string {
	r.t.Helper()
	environ := map[string][]string{}
	for _, assignment := range r.strings(w, ".environ") {
		name, value, _ := strings.Cut(assignment, "=")
		environ[name] = append(environ[name], value)
	}
	return environ
}

// strings reads one of the witness's two files; nil when it was not started.
func (r *escapeTrial) strings(w witnessUnit, suffix string) []string {
	r.t.Helper()
	data, err := r.root.ReadFile(inRoot(path.Join(trialOutput, w.name) + suffix))
	if err != nil {
		return nil
	}
	all := strings.Split(string(data), "\x00")
	return all[:len(all)-1] // each ends with a NUL
}

// explain shows what systemd has to say of a service that did not start.
func (r *escapeTrial) explain(w witnessUnit) {
	r.t.Helper()
	show := r.systemctl("show", "--property=LoadState,LoadError,Result,ExecMainStatus", w.unit())
	journal, _ := r.Exec(shared.ctx, "journalctl", "--quiet", "--no-pager", "--lines=5", "USER_UNIT="+w.unit())
	r.t.Errorf("%s did not run: %q: %s\n%s", w.unit(), w.argv[0], show.Stdout, journal.Stdout)
}

// compareTexts reads back every Description=.
func (r *escapeTrial) compareTexts() {
	r.t.Helper()
	shown := r.descriptions()
	for unit, text := range r.texts {
		r.values++
		want := asShown(text)
		if want == "" {
			want = unit // systemd's own stand-in
		}
		if got, loaded := shown[unit]; !loaded {
			r.mismatch(unit+": Description=", systemd.Text(text), want, nil)
		} else if got != want {
			r.mismatch(unit+": Description=", systemd.Text(text), want, &got)
		}
	}
}

// descriptions asks for all units at once over D-Bus: systemctl show would
// fetch every property of each.
func (r *escapeTrial) descriptions() map[string]string {
	r.t.Helper()
	args := []string{
		"busctl", "--user", "--json=short", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", "ListUnitsByNames", "as", strconv.Itoa(len(r.texts)),
	}
	args = slices.AppendSeq(args, maps.Keys(r.texts))
	result, err := r.Run(shared.ctx, testmachine.BuildUser, strings.Join(args, " "))
	r.must(errors.Join(err, result.Check()))
	var reply struct{ Data [][][]any }
	r.must(json.Unmarshal([]byte(result.Stdout), &reply))
	shown := map[string]string{}
	for _, unit := range reply.Data[0] {
		name, description, state := unit[0].(string), unit[1].(string), unit[2].(string)
		if state == "loaded" {
			shown[name] = description
		}
	}
	return shown
}
