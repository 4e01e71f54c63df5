//go:build acceptance && linux

package acceptance

import (
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/systemd/unittemplate"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// Where things are on the machine. The witness writes as the build user.
const (
	trialUnits    = "/home/packer/.config/systemd/user"
	trialFiles    = "/srv/escape/environment"
	trialPrograms = "/srv/escape/programs"
	trialOutput   = "/srv/escape/output"
	witnessPath   = "/srv/escape/witness"
)

// escapeTrial is what one release's systemd makes of many values.
type escapeTrial struct {
	*machine
	*valueSource
	templates unittemplate.Set
	root      *os.Root

	units []witnessUnit
	texts map[string]string // unit to what its template was given

	values, refused, mismatches, wrongRules int
}

// witnessUnit is a service that starts the witness.
type witnessUnit struct {
	name        string
	environment []blueprint.EnvVar // by Environment=
	files       []blueprint.EnvVar // by EnvironmentFile=
	// argv is the program and where it writes, then the words on trial.
	argv []string
	// ownPath says that the program's path is on trial too.
	ownPath bool
}

func (w witnessUnit) unit() string { return w.name + ".service" }

func newEscapeTrial(m *machine, templates unittemplate.Set, values *valueSource) *escapeTrial {
	m.t.Helper()
	root, err := os.OpenRoot(m.RootDir())
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = root.Close() })
	return &escapeTrial{machine: m, valueSource: values, templates: templates, root: root, texts: map[string]string{}}
}

// prepare makes all values and writes the units with them.
func (r *escapeTrial) prepare(program []byte) {
	r.t.Helper()
	for _, dir := range []string{trialUnits, trialFiles, trialPrograms, trialOutput} {
		r.must(r.root.MkdirAll(inRoot(dir), 0o755))
	}
	r.write(witnessPath, string(program))
	r.must(r.root.Chmod(inRoot(witnessPath), 0o755))
	r.machine.root("chown", testmachine.BuildUser, trialOutput)

	r.add(witnessUnit{name: "bare", argv: []string{witnessPath, path.Join(trialOutput, "bare")}})
	for i := range witnesses {
		var known []string // values that are to be seen in any case
		if i == 0 {
			known = r.hostile
		}
		r.add(r.witness(fmt.Sprintf("witness-%d", i), known))
	}
	for i := range programs {
		r.add(r.program(fmt.Sprintf("program-%d", i)))
	}
	text := r.stream(r.hostile, nil)
	for range texts {
		r.addText(text())
	}
}

// witness is one process with values of three kinds.
func (r *escapeTrial) witness(name string, known []string) witnessUnit {
	r.t.Helper()
	w := witnessUnit{name: name, argv: []string{witnessPath, path.Join(trialOutput, name)}}
	taken, names := map[string]bool{}, []string{"HOME"}
	for value := r.stream(known, nil); len(w.environment) < perEnvironment; {
		v := r.variable(taken, value)
		w.environment, names = append(w.environment, v), append(names, v.Name)
	}
	for value := r.stream(known, names); len(w.files) < perFiles; {
		w.files = append(w.files, r.variable(taken, value))
	}
	for value := r.stream(known, names); len(w.argv) < 2+perWords; {
		if word := value(); r.allowed(word, systemd.CheckReadable(word), unfitWord(word)) {
			w.argv = append(w.argv, word)
		}
	}
	return w
}

// variable is one with a name that is not taken, which it then is.
func (r *escapeTrial) variable(taken map[string]bool, value func() string) blueprint.EnvVar {
	r.t.Helper()
	for {
		v := blueprint.EnvVar{Name: r.name(), Value: value()}
		for taken[v.Name] {
			v.Name = r.name()
		}
		err := systemd.CheckEnvName(v.Name)
		if err == nil {
			err = systemd.CheckEnvValue(v.Value)
		}
		if _, encoded := systemd.EncodeEnvFile([]blueprint.EnvVar{v}); (encoded == nil) != (err == nil) {
			r.t.Errorf("%q: the codec says %v, the rules %v", v, encoded, err)
		}
		if r.allowed(v.Name+"="+v.Value, err, unfitVariable(v)) {
			taken[v.Name] = true
			return v
		}
	}
}

// allowed says whether a rule lets a value pass. It must, unless there is a
// reason against the value.
func (r *escapeTrial) allowed(value string, refusal error, unfit string) bool {
	r.t.Helper()
	if (refusal == nil) != (unfit == "") {
		if r.wrongRules++; r.wrongRules > mostReported {
			r.t.FailNow()
		}
		r.t.Errorf("%s: what stands against it is %q, but the rule says: %v", shortened(value), unfit, refusal)
	}
	if refusal != nil {
		r.refused++
	}
	return refusal == nil
}

// program is one process whose program's path is on trial, before a word with a "$".
func (r *escapeTrial) program(name string) witnessUnit {
	r.t.Helper()
	file := r.programIn(trialPrograms)
	for !r.allowed(file, systemd.CheckProgram(file), unfitProgram(file)) {
		file = r.programIn(trialPrograms)
	}
	if err := r.root.Symlink(witnessPath, inRoot(file)); err != nil && !os.IsExist(err) {
		r.t.Fatal(err)
	}
	return witnessUnit{name: name, argv: []string{file, path.Join(trialOutput, name), "$HOME ${HOME} $$ %h"}, ownPath: true}
}

func (r *escapeTrial) add(w witnessUnit) {
	r.t.Helper()
	text, err := r.templates.Render("witness.service", map[string]any{
		"Description": w.name, "Environment": w.environment, "Files": r.writeFiles(w), "Exec": w.argv,
	})
	r.must(err)
	r.write(path.Join(trialUnits, w.unit()), text)
	r.units = append(r.units, w)
}

// writeFiles spreads variables over as many environment files as their size
// needs, in paths that no template escapes.
func (r *escapeTrial) writeFiles(w witnessUnit) []systemd.SafePath {
	r.t.Helper()
	var files []systemd.SafePath
	write := func(vars []blueprint.EnvVar) {
		data, err := systemd.EncodeEnvFile(vars)
		r.must(err)
		file, err := systemd.ParseSafePath(fmt.Sprintf("%s/%s-%d%s", trialFiles, w.name, len(files), r.plain("_.@+-")))
		r.must(err)
		r.write(string(file), string(data))
		files = append(files, file)
	}
	var vars []blueprint.EnvVar
	size := 0
	for _, v := range w.files {
		most := len(v.Name) + 2*len(v.Value) + len("=\"\"\n")
		if size+most > systemd.MaxEnvFile {
			write(vars)
			vars, size = nil, 0
		}
		vars, size = append(vars, v), size+most
	}
	if len(vars) > 0 {
		write(vars)
	}
	return files
}

// addText writes a unit for a text, under a name that nothing escapes.
func (r *escapeTrial) addText(text string) {
	r.t.Helper()
	unit, err := systemd.ParseUnitName(fmt.Sprintf("text%d%s", len(r.texts), r.plain("_.:-")), "target")
	r.must(err)
	rendered, err := r.templates.Render("text.target", text)
	r.must(err)
	r.write(path.Join(trialUnits, string(unit)), rendered)
	r.texts[string(unit)] = text
}

// run has the user's manager load and start all of it, and compares.
func (r *escapeTrial) run() {
	r.t.Helper()
	r.systemctl("daemon-reload")
	start := []string{"start"}
	for _, w := range r.units {
		start = append(start, w.unit())
	}
	// What fails is found by what it does not write.
	if result := r.systemctl(start...); result.Code != 0 {
		r.t.Logf("systemctl start: %s", result.Stderr)
	}
	bare := r.environ(r.units[0])
	for _, w := range r.units {
		r.compare(w, bare)
	}
	r.compareTexts()
}

// systemctl asks the build user's manager.
func (r *escapeTrial) systemctl(args ...string) testmachine.Result {
	r.t.Helper()
	result, err := r.Run(shared.ctx, testmachine.BuildUser, "systemctl --user "+strings.Join(args, " "))
	r.must(err)
	return result
}

func (r *escapeTrial) version() string {
	first, _, _ := strings.Cut(r.systemctl("--version").Stdout, "\n")
	return first
}

func (r *escapeTrial) write(file, content string) {
	r.t.Helper()
	r.must(r.root.WriteFile(inRoot(file), []byte(content), 0o644))
}

func (r *escapeTrial) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func inRoot(file string) string { return strings.TrimPrefix(file, "/") }
