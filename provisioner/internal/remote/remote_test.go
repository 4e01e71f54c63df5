package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
)

// In a synctest bubble a goroutine that outlives its test is a failure.

func TestRunCostsThreeSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard heard
		host := &fakeHost{tool: func(stdout, stderr io.Writer, _ <-chan struct{}) int {
			say(stdout, `{"deployhost":"step","text":"User"}`+"\n{\"deployhost\":\"chan")
			say(stderr, "dpkg: warning\n")
			say(stdout, "ge\",\"text\":\"/etc/x\"}\r\nplain\r\n"+endOK+"last words")
			return 0
		}}
		result, err := Run(t.Context(), host, testOptions(&heard))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Result{Changes: 3, Seconds: 1.5, Arch: "amd64", Sessions: 3, BundleBytes: 6}, result); diff != "" {
			t.Errorf("result (-want +got):\n%s", diff)
		}
		want := []event.Event{{Type: event.Step, Text: "User"}, {Type: event.Change, Text: "/etc/x"}}
		if diff := cmp.Diff(want, heard.Events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"dpkg: warning", "plain", "last words"}, heard.Output); diff != "" {
			t.Errorf("output (-want +got):\n%s", diff)
		}
		host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH -rw------- 6", "sh PATH")
		if got := host.sent[host.bundlePath(t)]; got != "bundle" {
			t.Errorf("sent %q", got)
		}
	})
}

func TestRunNamesEachUploadAnew(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		host := &fakeHost{}
		if _, err := Run(t.Context(), host, testOptions(&heard{})); err != nil {
			t.Fatal(err)
		}
		seen[host.bundlePath(t)] = true
	}
	if len(seen) != 3 {
		t.Errorf("paths %v", seen)
	}
}

func TestRunMovesAnArchiveInASessionOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := testOptions(&heard{})
		opts.Archive = filepath.Join(t.TempDir(), "ruby.tar.gz")
		if err := os.WriteFile(opts.Archive, []byte("a ruby"), 0o644); err != nil {
			t.Fatal(err)
		}
		var told string
		opts.MakeBundle = func(_, archivePath string) ([]byte, error) {
			told = archivePath
			return []byte("bundle"), nil
		}
		host := &fakeHost{}
		result, err := Run(t.Context(), host, opts)
		if err != nil {
			t.Fatal(err)
		}
		host.mustHaveBeenCalled(t, result,
			"uname -sm", "upload PATH.archive -rw------- 6", "upload PATH -rw------- 6", "sh PATH")
		if got := host.sent[told]; got != "a ruby" {
			t.Errorf("at %q, which the bundle was told: %q", told, got)
		}
	})
}

// Failures that leave an unknown state on the host: each is cleaned up after, once.
func TestRunCleansUpAfterFailures(t *testing.T) {
	const probe, upload, start, cleanUp = "uname -sm", "upload PATH -rw------- 6", "sh PATH", "rm -f PATH"
	otherNonce := strings.Replace(endOK, testNonce[:4], "ffff", 1)
	for name, c := range map[string]struct {
		host  *fakeHost
		calls []string
		is    error
	}{
		"upload fails":          {&fakeHost{uploadError: map[string]error{"": errTest}}, []string{probe, upload, cleanUp}, errTest},
		"start fails":           {&fakeHost{startError: errTest}, []string{probe, upload, start, cleanUp}, errTest},
		"disconnected":          {&fakeHost{tool: says("", packer.CmdDisconnect)}, []string{probe, upload, start, cleanUp}, ErrConnectionLost},
		"exit 0 without an end": {&fakeHost{tool: says("done\n", 0)}, []string{probe, upload, start, cleanUp}, ErrConnectionLost},
		"another run's end":     {&fakeHost{tool: says(otherNonce, 0)}, []string{probe, upload, start, cleanUp}, ErrConnectionLost},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				result, err := Run(t.Context(), c.host, testOptions(&heard{}))
				if !errors.Is(err, c.is) {
					t.Errorf("error %v, want %v", err, c.is)
				}
				c.host.mustHaveBeenCalled(t, result, c.calls...)
			})
		})
	}
}

func TestRunRemovesTheArchiveWithTheBundle(t *testing.T) {
	opts := testOptions(&heard{})
	opts.Archive = filepath.Join(t.TempDir(), "ruby.tar.gz")
	if err := os.WriteFile(opts.Archive, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	host := &fakeHost{startError: errTest}
	result, err := Run(t.Context(), host, opts)
	if !errors.Is(err, errTest) {
		t.Error(err)
	}
	host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH.archive -rw------- 0", "upload PATH -rw------- 6",
		"sh PATH", "rm -f PATH.archive PATH")
}

func TestRunListsAllProblems(t *testing.T) {
	problems := `{"deployhost":"problem","text":"uid 2000 is taken"}` + "\n" + `{"deployhost":"problem","text":"the disk is full"}` + "\n"
	end := fmt.Sprintf(`{"deployhost":"end","nonce":%q}`, testNonce)
	for name, c := range map[string]struct {
		tool func(stdout, stderr io.Writer, removed <-chan struct{}) int
		want FailedError
	}{
		"with an end":   {says(problems+end, 1), FailedError{Problems: []string{"uid 2000 is taken", "the disk is full"}, Status: 1}},
		"killed":        {says(problems, 137), FailedError{Problems: []string{"uid 2000 is taken", "the disk is full"}, Status: 137}},
		"disconnected":  {says(problems, packer.CmdDisconnect), FailedError{Problems: []string{"uid 2000 is taken", "the disk is full"}, Status: packer.CmdDisconnect}},
		"without words": {says("sh: 0: cannot open\n", 2), FailedError{Status: 2, LastOutput: []string{"sh: 0: cannot open"}}},
		"end says no":   {says(end, 0), FailedError{}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(t.Context(), &fakeHost{tool: c.tool}, testOptions(&heard{}))
			var failed *FailedError
			if !errors.As(err, &failed) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(c.want, *failed); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, p := range append(c.want.Problems, c.want.LastOutput...) {
				if !strings.Contains(err.Error(), p) {
					t.Errorf("%q does not tell %q", err, p)
				}
			}
		})
	}
}

// The end is believed even if the connection breaks right after it.
func TestRunBelievesTheEndNotTheStatus(t *testing.T) {
	host := &fakeHost{tool: says(endOK, packer.CmdDisconnect)}
	result, err := Run(t.Context(), host, testOptions(&heard{}))
	if err != nil {
		t.Error(err)
	}
	host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH -rw------- 6", "sh PATH")
}

func TestRunRefusesBeforeTheHostIsTouched(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"relative folder":     func(o *Options) { o.Folder = "tmp" },
		"folder with spaces":  func(o *Options) { o.Folder = "/my tmp" },
		"no nonce":            func(o *Options) { o.Nonce = "" },
		"missing archive":     func(o *Options) { o.Archive = "/nonexistent/ruby.tar.gz" },
		"archive is a folder": func(o *Options) { o.Archive = "/" },
		"bad command":         func(o *Options) { o.RenderCommand = func(string) (string, error) { return "", errTest } },
		"empty command":       func(o *Options) { o.RenderCommand = func(string) (string, error) { return "", nil } },
	} {
		t.Run(name, func(t *testing.T) {
			opts, host := testOptions(&heard{}), &fakeHost{}
			change(&opts)
			if _, err := Run(t.Context(), host, opts); err == nil || len(host.calls) > 0 {
				t.Errorf("error %v, calls %q", err, host.calls)
			}
		})
	}
	if _, err := Run(t.Context(), nil, testOptions(&heard{})); err == nil {
		t.Error("no communicator, and no error")
	}
}

func TestRunUploadsNothingWithoutABundle(t *testing.T) {
	opts, host := testOptions(&heard{}), &fakeHost{}
	opts.MakeBundle = func(string, string) ([]byte, error) { return nil, errTest }
	result, err := Run(t.Context(), host, opts)
	if !errors.Is(err, errTest) {
		t.Error(err)
	}
	host.mustHaveBeenCalled(t, result, "uname -sm")
}

func TestRunUsesTheRenderedCommandAndFolder(t *testing.T) {
	opts, host := testOptions(&heard{}), &fakeHost{}
	opts.Folder = "/var/tmp/"
	opts.RenderCommand = func(p string) (string, error) { return "FOO='a b' doas sh " + p, nil }
	if _, err := Run(context.Background(), host, opts); err != nil {
		t.Fatal(err)
	}
	p := host.bundlePath(t)
	if filepath.Dir(p) != "/var/tmp" || host.calls[2] != "FOO='a b' doas sh "+p {
		t.Errorf("path %q, calls %q", p, host.calls)
	}
}
