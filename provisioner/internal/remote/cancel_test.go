package remote

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
)

func TestCancelTakesTheBundleAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		returned := make(chan struct{})
		host := &fakeHost{tool: func(stdout, _ io.Writer, removed <-chan struct{}) int {
			say(stdout, `{"deployhost":"step","text":"Packages"}`+"\n")
			<-removed
			<-returned // the step ends only after Run has
			say(stdout, "too late\n"+endOK)
			return 1
		}}
		var heard heard
		opts := testOptions(&heard)
		opts.OnEvent = func(event.Event) { cancel(errTest) }
		result, err := Run(ctx, host, opts)
		close(returned)
		if !errors.Is(err, errTest) {
			t.Errorf("error %v", err)
		}
		host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH -rw------- 6", "sh PATH", "rm -f PATH")
		if len(heard.Output) > 0 {
			t.Errorf("heard after Run returned: %q", heard.Output)
		}
	})
}

func TestCancelBeforeTheProbeTouchesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	host := &fakeHost{}
	result, err := Run(ctx, host, testOptions(&heard{}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	host.mustHaveBeenCalled(t, result)
}

// slowUpload cancels the run in the middle of the upload.
type slowUpload struct {
	*fakeHost
	cancel context.CancelFunc
}

func (h *slowUpload) Upload(path string, from io.Reader, info *os.FileInfo) error {
	if _, err := io.ReadFull(from, make([]byte, 3)); err != nil {
		return err
	}
	h.cancel()
	return h.fakeHost.Upload(path, from, info)
}

func TestCancelBreaksTheUploadOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		host := &fakeHost{}
		result, err := Run(ctx, &slowUpload{host, cancel}, testOptions(&heard{}))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH -rw------- 6", "rm -f PATH")
		if got := host.sent[host.bundlePath(t)]; got != "" {
			t.Errorf("%q was sent after the cancel", got)
		}
	})
}

// shortUpload reports success for half of the data, as sftp does when the RPC's stream breaks.
type shortUpload struct{ *fakeHost }

func (h *shortUpload) Upload(path string, from io.Reader, info *os.FileInfo) error {
	return h.fakeHost.Upload(path, io.LimitReader(from, 3), info)
}

func TestShortUploadIsAnError(t *testing.T) {
	host := &fakeHost{}
	result, err := Run(t.Context(), &shortUpload{host}, testOptions(&heard{}))
	if err == nil {
		t.Error("no error")
	}
	host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH -rw------- 6", "rm -f PATH")
}

// stalled is a communicator whose network hangs once a run has been cancelled.
type stalled struct {
	*fakeHost
	cancel context.CancelFunc
	end    chan struct{}
}

func (h *stalled) Start(ctx context.Context, cmd *packer.RemoteCmd) error {
	if cmd.Command == "uname -sm" {
		return h.fakeHost.Start(ctx, cmd)
	}
	h.cancel()
	<-h.end
	return errTest
}

func TestCancelReturnsThoughTheNetworkHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		host := &stalled{&fakeHost{}, cancel, make(chan struct{})}
		begin := time.Now()
		_, err := Run(ctx, host, testOptions(&heard{}))
		if !errors.Is(err, context.Canceled) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v: must tell the cancel and the clean-up that did not come through", err)
		}
		// The bubble's clock is exact.
		if took, want := time.Since(begin), callGrace+cleanUpLimit+callGrace; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
		close(host.end)
	})
}
