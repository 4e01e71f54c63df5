//go:build linux

package testmachine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"mvdan.cc/sh/v3/syntax"
)

// sshHost is a machine that is reached over ssh with one key.
type sshHost struct {
	addr   string // host:port
	signer ssh.Signer
	// dead is closed when the machine has ended, so that nobody waits for it.
	dead <-chan struct{}
	// console tells what the machine wrote last, for errors.
	console func() string
}

// SSHAddr is host:port of the machine's sshd.
func (h *sshHost) SSHAddr() string { return h.addr }

// SSH logs in as user with the cache's key, or with the one given. The
// caller closes the client.
func (h *sshHost) SSH(ctx context.Context, user string, key ...ssh.Signer) (*ssh.Client, error) {
	if len(key) == 0 {
		key = []ssh.Signer{h.signer}
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", h.addr)
	if err != nil {
		return nil, err
	}
	// The handshake knows no context: closing the connection is what stops it.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	c, channels, requests, err := ssh.NewClientConn(conn, h.addr, &ssh.ClientConfig{
		User: user,
		Auth: []ssh.AuthMethod{ssh.PublicKeys(key...)},
		// A machine made a moment ago, on this machine: there is no key to know yet.
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // see above
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ssh %s@%s: %w", user, h.addr, err), conn.Close())
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(c, channels, requests), nil
}

// Run runs one command line through user's login shell over a new ssh
// connection. An error means that the command did not run to an end; its
// failing is in the Result's Code.
func (h *sshHost) Run(ctx context.Context, user, command string) (Result, error) {
	client, err := h.SSH(ctx, user)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = client.Close() }()
	session, err := client.NewSession()
	if err != nil {
		return Result{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	var stdout, stderr bytes.Buffer
	session.Stdout, session.Stderr = &stdout, &stderr
	err = session.Run(command)
	result := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		result.Code = exit.ExitStatus()
		return result, nil
	}
	if err != nil {
		err = fmt.Errorf("%s@%s: %s: %w", user, h.addr, command, errors.Join(err, ctx.Err()))
	}
	return result, err
}

// WaitSSH waits until user can log in, or until ctx or the machine ends.
// pam_nologin refuses everybody but root before the machine is up.
func (h *sshHost) WaitSSH(ctx context.Context, user string) error {
	for {
		err := h.tryLogin(ctx, user)
		if err == nil {
			return nil
		}
		select {
		case <-h.dead:
			return fmt.Errorf("the machine ended before %s could log in; it wrote last:\n%s", user, h.console())
		case <-ctx.Done():
			return fmt.Errorf("%s could not log in over ssh: %w (%w); the machine wrote last:\n%s", user, ctx.Err(), err, h.console())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (h *sshHost) tryLogin(ctx context.Context, user string) error {
	result, err := h.Run(ctx, user, "true")
	return errors.Join(err, result.Check())
}

// quote makes one POSIX shell command line of argv.
func quote(argv []string) (string, error) {
	words := make([]string, 0, len(argv))
	for _, arg := range argv {
		word, err := syntax.Quote(arg, syntax.LangPOSIX)
		if err != nil {
			return "", err
		}
		words = append(words, word)
	}
	return strings.Join(words, " "), nil
}

// Ended is closed when the machine has been powered off or killed.
func (h *sshHost) Ended() <-chan struct{} { return h.dead }
