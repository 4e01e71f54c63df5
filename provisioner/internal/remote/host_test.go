package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/bundle"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
)

const testNonce = "00112233445566778899aabbccddeeff"

var endOK = fmt.Sprintf(`{"deployhost":"end","nonce":%q,"ok":true,"changes":3,"seconds":1.5}`+"\n", testNonce)

// fakeHost is a communicator whose far side is a few lines of Go. The zero
// value is a Linux host where every run succeeds.
type fakeHost struct {
	packer.Communicator // the methods that must not be called

	uname       string // what `uname -sm` prints; empty for Linux x86_64
	unameStatus int
	uploadError map[string]error // by suffix of the path
	startError  error
	// tool plays the bundle and gives its exit status; removed is closed when
	// the uploads are removed. Nil writes endOK.
	tool func(stdout, stderr io.Writer, removed <-chan struct{}) int

	mu      sync.Mutex
	calls   []string
	sent    map[string]string
	removed chan struct{}
	running sync.WaitGroup
}

func (h *fakeHost) note(call string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, call)
}

func (h *fakeHost) Upload(path string, from io.Reader, info *os.FileInfo) error {
	h.note(fmt.Sprintf("upload %s %v %d", path, (*info).Mode(), (*info).Size()))
	for suffix, err := range h.uploadError {
		if strings.HasSuffix(path, suffix) {
			return err
		}
	}
	data, err := io.ReadAll(from)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sent == nil {
		h.sent = map[string]string{}
	}
	h.sent[path] = string(data)
	return err
}

func (h *fakeHost) Start(_ context.Context, cmd *packer.RemoteCmd) error {
	h.note(cmd.Command)
	h.mu.Lock()
	if h.removed == nil {
		h.removed = make(chan struct{})
	}
	removed := h.removed
	h.mu.Unlock()
	switch {
	case strings.HasPrefix(cmd.Command, "uname"):
		h.play(cmd, func(stdout, _ io.Writer, _ <-chan struct{}) int {
			answer := h.uname
			if answer == "" {
				answer = "Linux x86_64\n"
			}
			say(stdout, answer)
			return h.unameStatus
		}, removed)
	case strings.HasPrefix(cmd.Command, "rm"):
		close(removed)
		h.play(cmd, func(io.Writer, io.Writer, <-chan struct{}) int { return 0 }, removed)
	case h.startError != nil:
		return h.startError
	case h.tool == nil:
		h.play(cmd, says(endOK, 0), removed)
	default:
		h.play(cmd, h.tool, removed)
	}
	return nil
}

func (h *fakeHost) play(cmd *packer.RemoteCmd, tool func(stdout, stderr io.Writer, removed <-chan struct{}) int, removed <-chan struct{}) {
	h.running.Go(func() { cmd.SetExited(tool(cmd.Stdout, cmd.Stderr, removed)) })
}

func say(w io.Writer, text string) {
	if _, err := io.WriteString(w, text); err != nil {
		panic(err)
	}
}

// says is a tool that prints and exits.
func says(text string, status int) func(stdout, stderr io.Writer, removed <-chan struct{}) int {
	return func(stdout, _ io.Writer, _ <-chan struct{}) int {
		say(stdout, text)
		return status
	}
}

// heard is what a run told its caller.
type heard struct {
	Events []event.Event
	Output []string
}

func testOptions(h *heard) Options {
	return Options{
		Nonce:      testNonce,
		MakeBundle: func(string, string) ([]byte, error) { return []byte("bundle"), nil },
		OnEvent:    func(e event.Event) { h.Events = append(h.Events, e) },
		OnOutput:   func(line string) { h.Output = append(h.Output, line) },
	}
}

// bundlePath finds the unpredictable path that the run chose.
func (h *fakeHost) bundlePath(t *testing.T) string {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, call := range h.calls {
		if fields := strings.Fields(call); fields[0] == "upload" && !strings.HasSuffix(fields[1], ".archive") {
			return fields[1]
		}
	}
	t.Fatalf("no bundle was uploaded: %q", h.calls)
	return ""
}

// mustHaveBeenCalled compares the communicator calls; PATH stands for the bundle's path.
func (h *fakeHost) mustHaveBeenCalled(t *testing.T, result Result, want ...string) {
	t.Helper()
	h.running.Wait()
	got := slices.Clone(h.calls)
	if len(want) > 1 {
		p := h.bundlePath(t)
		if !strings.HasPrefix(p, "/tmp/"+bundle.NamePrefix) || len(p) != len("/tmp/"+bundle.NamePrefix)+32 {
			t.Errorf("bundle path %q", p)
		}
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], p, "PATH")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("communicator calls (-want +got):\n%s", diff)
	}
	if result.Sessions != len(want) {
		t.Errorf("%d sessions reported, %d made", result.Sessions, len(want))
	}
}

var errTest = errors.New("test error")
