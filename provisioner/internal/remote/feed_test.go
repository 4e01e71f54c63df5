package remote

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

var testKey = strings.Repeat("ab", 32)

func wantEvent(key string) string { return `{"deployhost":"want","key":"` + key + `"}` + "\n" }

// feedOptions offer one file under testKey.
func feedOptions(t *testing.T) Options {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ruby")
	if err := os.WriteFile(file, []byte("a ruby"), 0o600); err != nil {
		t.Fatal(err)
	}
	opts := testOptions(&heard{})
	opts.Wanted = func(key string) (string, error) {
		if key != testKey {
			return "", errTest
		}
		return file, nil
	}
	return opts
}

func TestWantedIsUploadedWhileTheToolRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &fakeHost{}
		host.tool = func(stdout, _ io.Writer, _ <-chan struct{}) int {
			say(stdout, wantEvent(testKey))
			synctest.Wait() // as the host tool does until the file is there
			say(stdout, endOK)
			return 0
		}
		result, err := Run(t.Context(), host, feedOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH -rw------- 6", "sh PATH", "upload PATH."+testKey+" -rw------- 6")
		if got := host.sent[host.bundlePath(t)+"."+testKey]; got != "a ruby" {
			t.Errorf("sent %q", got)
		}
	})
}

func TestWantingWhatIsNotOfferedEndsTheRun(t *testing.T) {
	for _, key := range []string{strings.Repeat("cd", 32), "../../etc/passwd"} {
		synctest.Test(t, func(t *testing.T) {
			host := &fakeHost{tool: func(stdout, _ io.Writer, removed <-chan struct{}) int {
				say(stdout, wantEvent(key))
				<-removed
				return 1
			}}
			result, err := Run(t.Context(), host, feedOptions(t))
			if err == nil {
				t.Error("no error")
			}
			host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH -rw------- 6", "sh PATH", "rm -f PATH")
		})
	}
}

// oneAtATime begins no upload while a command runs, as docker's communicator.
type oneAtATime struct {
	*fakeHost
	over chan struct{}
}

func (h *oneAtATime) Upload(path string, from io.Reader, info *os.FileInfo) error {
	if strings.HasSuffix(path, testKey) {
		<-h.over
	}
	return h.fakeHost.Upload(path, from, info)
}

func TestAnUploadThatComesTooLateIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &oneAtATime{&fakeHost{}, make(chan struct{})}
		host.tool = func(stdout, _ io.Writer, _ <-chan struct{}) int {
			say(stdout, wantEvent(testKey))
			synctest.Wait()
			say(stdout, endOK) // it has compiled instead
			close(host.over)
			return 0
		}
		result, err := Run(t.Context(), host, feedOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH -rw------- 6", "sh PATH",
			"upload PATH."+testKey+" -rw------- 6", "rm -f PATH PATH."+testKey)
	})
}
