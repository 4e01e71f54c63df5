package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/packer-plugin-sdk/packer"
	"github.com/hashicorp/packer-plugin-sdk/rpc"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/event"
)

// overRPC puts Packer's own wire between the run and the host, as in production.
func overRPC(t *testing.T, host packer.Communicator) packer.Communicator {
	t.Helper()
	near, far := net.Pipe()
	server, err := rpc.NewServer(far)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.RegisterCommunicator(host); err != nil {
		t.Fatal(err)
	}
	go server.Serve()
	client, err := rpc.NewClient(near)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(client.Close(), server.Close()); err != nil {
			t.Error(err)
		}
	})
	return client.Communicator()
}

func TestRunOverPackersWire(t *testing.T) {
	var heard heard
	// The two streams really run side by side here.
	host := &fakeHost{tool: func(stdout, stderr io.Writer, _ <-chan struct{}) int {
		var streams sync.WaitGroup
		streams.Go(func() {
			for range 100 {
				say(stdout, `{"deployhost":"change","text":"x"}`+"\r\n")
			}
			say(stdout, endOK)
		})
		streams.Go(func() {
			for range 100 {
				say(stderr, "noise\n")
			}
		})
		streams.Wait()
		return 0
	}}
	opts := testOptions(&heard)
	content := make([]byte, 1<<20)
	opts.MakeBundle = func(string, string) ([]byte, error) { return content, nil }
	result, err := Run(t.Context(), overRPC(t, host), opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(heard.Events) != 100 || len(heard.Output) != 100 {
		t.Errorf("%d events and %d lines of output, want 100 and 100", len(heard.Events), len(heard.Output))
	}
	host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH -rw------- 1048576", "sh PATH")
	if diff := cmp.Diff(len(content), len(host.sent[host.bundlePath(t)])); diff != "" {
		t.Errorf("sent bytes (-want +got):\n%s", diff)
	}
}

func TestCancelOverPackersWire(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	host := &fakeHost{tool: func(stdout, _ io.Writer, removed <-chan struct{}) int {
		say(stdout, `{"deployhost":"step","text":"Packages"}`+"\n")
		<-removed
		return 1
	}}
	opts := testOptions(&heard{})
	opts.OnEvent = func(event.Event) { cancel() }
	result, err := Run(ctx, overRPC(t, host), opts)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	host.mustHaveBeenCalled(t, result, "uname -sm", "upload PATH -rw------- 6", "sh PATH", "rm -f PATH")
}
