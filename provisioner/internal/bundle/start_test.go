package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/rubypack"
)

// eachShell runs f with the shells that this machine has and a host's sh may be.
// busybox is not among them: its shell prefers its own applets to the fakes on PATH.
func eachShell(t *testing.T, f func(t *testing.T, shell string)) {
	t.Helper()
	for _, shell := range []string{"sh", "dash", "bash"} {
		if _, err := exec.LookPath(shell); err == nil {
			t.Run(shell, func(t *testing.T) { f(t, shell) })
		}
	}
}

// host is a directory that plays the machine being baked.
type host struct {
	dir, bundle, archive string
	folders              []string
	shell                string
	env                  []string
}

// newHost uploads a bundle whose host tool is a shell script. The host's
// user is root, whoever runs the test.
func newHost(t *testing.T, shell string, script string) *host {
	t.Helper()
	dir := t.TempDir()
	h := &host{
		dir:     dir,
		bundle:  filepath.Join(dir, "deployhost-0123"),
		archive: filepath.Join(dir, "archive.tar.gz"),
		folders: []string{filepath.Join(dir, "missing"), filepath.Join(dir, "noexec"), filepath.Join(dir, "good")},
		shell:   shell,
		env:     append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "FAKE_UID=0"),
	}
	for _, name := range []string{"bin", "noexec", "good"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.program(t, "id", `echo "$FAKE_UID"`)
	in := testInput()
	in.ArchiveRemotePath = h.archive
	// A noexec mount needs root; a tool that refuses to start below one folder shows the header the same status.
	tool := "#!/bin/sh\ncase $0 in */noexec/*) exit 126;; esac\n[ \"$1\" != version ] || exit 0\n" + script
	data, err := assemble(in, zipped(t, tool), h.folders)
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, h.bundle, data)
	h.write(t, h.archive, []byte("ruby"))
	return h
}

func (h *host) write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// program puts a fake command in front of the real ones.
func (h *host) program(t *testing.T, name, script string) {
	t.Helper()
	path := filepath.Join(h.dir, "bin", name)
	h.write(t, path, []byte("#!/bin/sh\n"+script+"\n"))
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func (h *host) command(args ...string) *exec.Cmd {
	cmd := exec.Command(h.shell, args...)
	cmd.Env = h.env
	return cmd
}

type ending struct {
	Status         int
	Events         []event.Event
	Output, Stderr string
}

func (h *host) run(t *testing.T) ending {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := h.command(h.bundle)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return ending{Status: status(t, cmd.Run()), Events: events(stdout.String()), Output: stdout.String(), Stderr: stderr.String()}
}

func status(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return 0
}

func events(output string) (found []event.Event) {
	for line := range strings.Lines(output) {
		if e, ok := event.Parse(line); ok {
			found = append(found, e)
		}
	}
	return found
}

// left lists what remains of the upload and of the unpacking.
func (h *host) left(t *testing.T) (found []string) {
	t.Helper()
	for _, pattern := range []string{"deployhost-*", "archive*", "noexec/*", "good/*"} {
		names, err := filepath.Glob(filepath.Join(h.dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, names...)
	}
	return found
}

func (h *host) mustBeClean(t *testing.T) {
	t.Helper()
	if left := h.left(t); len(left) > 0 {
		t.Errorf("left on the host: %q", left)
	}
}

func mustRefuse(t *testing.T, end ending, word string) {
	t.Helper()
	if len(end.Events) != 2 || end.Events[0].Type != event.Problem || !strings.Contains(end.Events[0].Text, word) {
		t.Fatalf("want a problem that says %q, got %+v, output %q, stderr %q", word, end.Events, end.Output, end.Stderr)
	}
	if diff := cmp.Diff(event.Event{Type: event.End, Nonce: testNonce}, end.Events[1]); diff != "" {
		t.Errorf("end (-want +got):\n%s", diff)
	}
	if end.Status == 0 {
		t.Error("exit status 0")
	}
}

func TestStartRunsTheToolAndKeepsItsStatus(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		for _, want := range []int{0, 1, 7} {
			h := newHost(t, shell, "printf '%s\\n' \"$@\"; cat \"$3\"; exit "+string(rune('0'+want)))
			end := h.run(t)
			if end.Status != want {
				t.Errorf("status %d, want %d; stderr %q", end.Status, want, end.Stderr)
			}
			blueprint, err := testInput().Blueprint.Encode()
			if err != nil {
				t.Fatal(err)
			}
			// The folder's name is mktemp's.
			args, description, _ := strings.Cut(end.Output, "{")
			lines := strings.Split(args, "\n")
			if len(lines) < 3 || !strings.HasPrefix(lines[2], h.folders[2]+"/deployhost.") {
				t.Fatalf("arguments %q: the blueprint must lie in %s", lines, h.folders[2])
			}
			lines[2] = "BLUEPRINT"
			wantArgs := []string{
				"apply", "--blueprint", "BLUEPRINT", "--nonce", testNonce, "--bundle", h.bundle,
				"--run", "run-1", "--archive", h.archive, "",
			}
			if diff := cmp.Diff(wantArgs, lines); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(string(blueprint), "{"+description); diff != "" {
				t.Errorf("blueprint (-want +got):\n%s", diff)
			}
			if end.Stderr != "" {
				t.Errorf("stderr %q: folders that were passed over are no news", end.Stderr)
			}
			h.mustBeClean(t)
		}
	})
}

func TestStartWithoutArchiveGivesNoSuchArgument(t *testing.T) {
	h := newHost(t, "sh", `printf '%s\n' "$@"`)
	in := testInput()
	data, err := assemble(in, zipped(t, "#!/bin/sh\necho \"$@\"\n"), h.folders)
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, h.bundle, data)
	if end := h.run(t); end.Status != 0 || strings.Contains(end.Output, "--archive") {
		t.Errorf("%+v", end)
	}
}

func TestStartPassesOffersOnAndRemovesWhatWasUploaded(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, "")
		in := testInput()
		in.KeepRuby = true
		for _, digit := range []string{"a", "b"} {
			in.Offers = append(in.Offers, rubypack.Offer{Key: strings.Repeat(digit, 64), SHA256: strings.Repeat("0", 64), Size: 7})
		}
		data, err := assemble(in, zipped(t, "#!/bin/sh\n[ \"$1\" != apply ] || shift 9\nprintf '%s\\n' \"$@\"\n"), h.folders)
		if err != nil {
			t.Fatal(err)
		}
		h.write(t, h.bundle, data)
		h.write(t, h.archive, nil)
		h.write(t, h.bundle+"."+in.Offers[1].Key, []byte("a ruby"))
		want := "--offers\n" + in.Offers[0].String() + " " + in.Offers[1].String() + "\n--keep-ruby\n"
		if end := h.run(t); end.Status != 0 || end.Output != want {
			t.Errorf("%+v, want %q", end, want)
		}
		if _, err := os.Stat(h.bundle + "." + in.Offers[1].Key); err == nil {
			t.Error("the upload is left")
		}
	})
}

func TestOffersAreChecked(t *testing.T) {
	in := testInput()
	in.Offers = []rubypack.Offer{{Key: "'; reboot #", SHA256: strings.Repeat("0", 64)}}
	if _, err := assemble(in, zipped(t, "tool"), folders); err == nil {
		t.Error("a quote gets into the header")
	}
}

func TestStartSurvivesItsOwnRemoval(t *testing.T) {
	eachShell(t, func(t *testing.T, shell string) {
		h := newHost(t, shell, `rm -f "$7"; echo "removed $7"; exit 4`)
		end := h.run(t)
		if end.Status != 4 || end.Output != "removed "+h.bundle+"\n" {
			t.Errorf("%+v", end)
		}
		h.mustBeClean(t)
	})
}

func TestStartStopsTheToolOnSignals(t *testing.T) {
	notIgnored(t, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	eachShell(t, func(t *testing.T, shell string) {
		for _, sent := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
			h := newHost(t, shell, `
bundle=$7
trap '[ -e "$bundle" ] && echo "bundle still there"; exit 9' TERM
echo started
n=0
while [ $n -lt 200 ]; do n=$((n + 1)); sleep 0.05; done`)
			cmd := h.command(h.bundle)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			if !lines.Scan() || lines.Text() != "started" {
				t.Fatalf("the tool did not start: %q", lines.Text())
			}
			if err := cmd.Process.Signal(sent); err != nil {
				t.Fatal(err)
			}
			for lines.Scan() {
				t.Errorf("%v: %s", sent, lines.Text())
			}
			if got := status(t, cmd.Wait()); got != 9 {
				t.Errorf("%v: status %d, want the tool's own 9", sent, got)
			}
			h.mustBeClean(t)
		}
	})
}

// notIgnored lets children begin with a signal's default, whatever started the
// test: nohup ignores SIGHUP, and no shell can trap what it found ignored.
func notIgnored(t *testing.T, signals ...os.Signal) {
	t.Helper()
	unread := make(chan os.Signal, 1)
	signal.Notify(unread, signals...)
	t.Cleanup(func() { signal.Stop(unread) })
}
