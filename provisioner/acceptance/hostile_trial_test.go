//go:build acceptance && linux

package acceptance

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// instanceData is what the hook reads of cloud-init.
const instanceData = "/run/cloud-init/instance-data-sensitive.json"

// hostileTrial counts what became of the values.
type hostileTrial struct {
	*machine
	*hostileSource
	t *testing.T

	// left is what cloud-init has left at boot.
	left string
	// encoded are the names of values that are base64.
	encoded                              []string
	values, refused, mismatches, escaped int
}

func (h *hostileTrial) mismatch(format string, args ...any) {
	h.t.Helper()
	if h.mismatches++; h.mismatches > mostReported {
		h.t.Fail()
		return
	}
	h.t.Errorf(format, args...)
}

func (h *hostileTrial) escape(format string, args ...any) {
	h.t.Helper()
	h.escaped++
	h.t.Errorf(format, args...)
}

// compare starts a service for each app and looks at what it got.
func (h *hostileTrial) compare(r hostileRound) {
	h.t.Helper()
	var units []string
	for app := range r.apps {
		units = append(units, "hostile@"+app+".service")
	}
	h.systemctlUser(append([]string{"start"}, units...)...)
	found := h.runTree()
	var verdict instance.Verdict
	if err := json.Unmarshal([]byte(found["deployhost/instance.json"].content), &verdict); err != nil {
		h.t.Fatal(err)
	}
	warned := map[string]string{}
	for _, w := range verdict.Warnings {
		name, _, _ := strings.Cut(w, " ")
		warned[strings.TrimSuffix(name, ":")] = w
	}
	for app, values := range r.apps {
		h.compareApp(app, values, found, warned)
	}
	for name, entry := range found {
		h.closed(name, entry)
	}
}

func (h *hostileTrial) compareApp(app string, values []hostileValue, found runTree, warned map[string]string) {
	h.t.Helper()
	environ := h.environ(app)
	for _, v := range values {
		want, there := v.arrives()
		got, is := environ[v.name]
		delete(environ, v.name)
		h.values++
		if v.refused() != "" {
			h.refused++
		}
		switch {
		case there != is, is && (len(got) != 1 || got[0] != want):
			h.mismatch("%s of %s, written as %s: want %t %s, got %t %q", v.name, app, shortened(v.text), there, shortened(want), is, shortened(strings.Join(got, "|")))
		case v.refused() == "" && (v.given != "" || v.fallback != "") != (warned[v.name] == ""):
			h.mismatch("%s: the verdict warns: %q", v.name, warned[v.name])
		case v.refused() != "" && !strings.Contains(warned[v.name], map[bool]string{true: "its default was used", false: "it was left out"}[there]):
			h.mismatch("%s has to be refused for its %s, but the verdict warns: %q", v.name, v.refused(), warned[v.name])
		}
	}
	for name := range environ {
		if !slices.Contains(plainEnvironment, name) {
			h.escape("%s: a variable that nobody set: %s", app, name)
		}
	}
	if got := found["deployhost/"+app+"/config/all.txt"].content; got != rendered(values) {
		h.mismatch("%s: the rendered file differs: %s, want %s", app, shortened(got), shortened(rendered(values)))
	}
}

// plainEnvironment is what systemd gives every service of a user's (systemd.exec(5)).
var plainEnvironment = []string{
	"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "USER", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "INVOCATION_ID", "JOURNAL_STREAM",
	"MANAGERPID", "SYSTEMD_EXEC_PID", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE", "QUEUED", "XDG_DATA_DIRS",
}

// environ is what an app's service was started with: name to its values, of which there should be one.
func (h *hostileTrial) environ(app string) map[string][]string {
	h.t.Helper()
	data, err := os.ReadFile(path.Join(h.RootDir(), hostileOutput, app) + ".environ") // no user of the machine makes links there
	if err != nil {
		h.t.Fatal(err)
	}
	environ := map[string][]string{}
	for _, assignment := range strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00") {
		name, value, _ := strings.Cut(assignment, "=")
		environ[name] = append(environ[name], value)
	}
	return environ
}

// closed wants an entry of /run/deployhost to be readable by the deploy user's
// group at most, if there are values in it.
func (h *hostileTrial) closed(name string, entry runEntry) {
	h.t.Helper()
	if strings.Contains(entry.content, h.mark) && (entry.mode != 0o640 || entry.owner != "0:2000" || path.Dir(name) == "deployhost") {
		h.escape("/run/%s tells values: %04o %s", name, entry.mode, entry.owner)
	}
}

// encodedKeys are the paths of values that are base64, as cloud-init lists them.
func (h *hostileTrial) encodedKeys(tags string) []string {
	keys := []string{"ds/user_data"}
	for _, key := range h.encoded {
		if strings.Contains(tags, `"`+key+`"`) {
			keys = append(keys, "ds/meta_data/tags/"+key)
		}
	}
	return keys
}

// bombs are instance data that cannot be read at all, or lack what is required:
// the hook ends in time, says so, and leaves nothing.
func (h *hostileTrial) bombs() {
	h.t.Helper()
	good := h.round("bombs", 20, h.inData, nil)
	h.put(good)
	for what, data := range map[string]string{
		"100,000 levels":   nested(`{"a":`, "1", "}", 100_000),
		"more than 16 MiB": `{"a":"` + strings.Repeat("x", 16<<20) + `"}`,
		"cut off":          `{"ds":{"meta_data":{"tags":{"V00001":"`,
		"nothing":          "",
		"another type":     "[" + good.tags + "]",
		"an odd word":      `{"ds":Infinite}`,
		"a canary refused": h.dataWith(strings.ReplaceAll(good.tags, `"canary`, `"\u0000canary`)),
	} {
		h.putData(data)
		began := time.Now()
		result, err := h.Exec(shared.ctx, "systemctl", "restart", hookUnit)
		if err != nil {
			h.t.Fatal(err)
		}
		found := h.runTree()
		if result.Code == 0 || !found.empty() || found["deployhost/instance.json"].content == "" {
			h.mismatch("%s: the hook ended with %d and left\n%s", what, result.Code, found)
		}
		if took := time.Since(began); took > 10*time.Second {
			h.mismatch("%s: it took %s", what, took)
		}
	}
	h.put(good)
	h.compare(good)
}

// nowhereElse looks for values, or what they may have done, in all places but
// those where they belong.
func (h *hostileTrial) nowhereElse() {
	h.t.Helper()
	h.root("sh", "-c", "journalctl --sync && journalctl --output=export >"+hostileDir+"/journal")
	journal, err := os.ReadFile(filepath.Join(h.RootDir(), hostileDir, "journal"))
	if err != nil {
		h.t.Fatal(err)
	}
	if lines := bytes.Count(journal, []byte(" from tag:")); lines < h.values/2 {
		h.t.Errorf("the journal holds only %d of the hook's lines", lines)
	}
	console, err := os.ReadFile(h.ConsoleLog())
	if err != nil {
		h.t.Fatal(err)
	}
	for where, text := range map[string][]byte{"journal": journal, "console": console} {
		if at := bytes.Index(text, []byte(h.mark)); at >= 0 {
			h.escape("the %s tells a value: %q", where, text[max(0, at-200):min(len(text), at+200)])
		}
	}
	if ran := h.root("find", hostilePwned, "-mindepth", "1", "!", "-name", ".keep"); ran != "" {
		h.escape("values were run: %s", ran)
	}
	// The mark is read from a file: as an argument it would be found itself.
	h.install(hostileDir+"/mark", []byte(h.mark))
	told := h.root("sh", "-c", "grep --recursive --files-with-matches --text --fixed-strings --devices=skip --file="+hostileDir+"/mark "+
		"/run /tmp /var/tmp /etc /home /root 2>/dev/null || true")
	for _, file := range strings.Fields(told) {
		belongs := strings.HasPrefix(file, blueprint.RunDir+"/") && file != blueprint.VerdictPath || strings.HasPrefix(file, "/run/cloud-init/")
		if !belongs {
			h.escape("%s tells a value", file)
		}
	}
	if told == "" {
		h.t.Error("values are not even found where they belong")
	}
}

// commandLines looks at all processes' arguments until it is stopped.
type commandLines struct {
	end   chan struct{}
	done  sync.WaitGroup
	found map[string]bool
}

func watchCommandLines(mark string) *commandLines {
	w := &commandLines{end: make(chan struct{}), found: map[string]bool{}}
	w.done.Go(func() {
		for {
			w.look(mark)
			select {
			case <-w.end:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return w
}

// look sees the containers' processes too.
func (w *commandLines) look(mark string) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lines {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(mark)) {
			w.found[string(line)] = true
		}
	}
}

func (w *commandLines) stop() []string {
	close(w.end)
	w.done.Wait()
	return slices.Sorted(maps.Keys(w.found))
}
