package boot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// imdsHost is the metadata service's address on every EC2 instance ("Access
// instance metadata" in AWS's user guide). Nothing in the environment moves it.
const imdsHost = "169.254.169.254"

const (
	tokenHeader    = "X-aws-ec2-metadata-token"             //nolint:gosec // a header's name
	tokenTTLHeader = "X-aws-ec2-metadata-token-ttl-seconds" //nolint:gosec // a header's name
)

// Limits of one question. Real answers are below 2 KiB and come within
// milliseconds; a tag's value has 256 characters.
const (
	askTime   = 2 * time.Second
	maxAnswer = 64 << 10 // with all headers
	maxBody   = 16 << 10 // above what a value may have, so that its rule is the one that is told
	maxToken  = 1 << 10  // EC2's have 56 bytes
)

// The wait before a question is put again is drawn evenly from 0 to a ceiling
// that doubles, so that instances which boot together spread out.
const (
	firstCeiling = 100 * time.Millisecond
	lastCeiling  = 2 * time.Second
)

// lastWord is kept back from the hook's time, so that what is told is the
// service's reason and not that time is up.
const lastWord = 100 * time.Millisecond

// dialer opens connections; it is net.Dialer's DialContext except in tests.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// imds asks EC2's instance metadata service, in its version 2 alone. Each
// question has a connection of its own: http.Client would follow redirects and
// proxies unless told not to, and never tells that more came than the
// Content-Length said.
type imds struct {
	dial dialer
	// draw gives a wait below a ceiling.
	draw func(ceiling time.Duration) time.Duration

	mu    sync.Mutex
	token string // empty until there is one
}

func newIMDS(dial dialer) *imds { return &imds{dial: dial, draw: rand.N[time.Duration]} }

// passingError is what may be over a moment later. Its text holds nothing that
// the service sent.
type passingError struct{ why string }

func (e passingError) Error() string { return e.why }

// get asks for a path below /latest/ until there is an answer or ctx ends. It
// is empty when the service has no such value.
func (c *imds) get(ctx context.Context, path string) (string, error) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-lastWord))
		defer cancel()
	}
	for ceiling := firstCeiling; ; ceiling = min(2*ceiling, lastCeiling) {
		value, err := c.try(ctx, path)
		var passing passingError
		if err == nil {
			return value, nil
		}
		if !errors.As(err, &passing) {
			return "", fmt.Errorf("EC2's metadata service at %s: %w", imdsHost, err)
		}
		if !wait(ctx, c.draw(ceiling)) {
			return "", fmt.Errorf("EC2's metadata service at %s gave no answer within the hook's time; the last attempt: %w", imdsHost, err)
		}
	}
}

// wait tells whether there is still time after it.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// try puts the question once.
func (c *imds) try(ctx context.Context, path string) (string, error) {
	token, err := c.session(ctx)
	if err != nil {
		return "", err
	}
	a, err := c.ask(ctx, http.MethodGet, path, tokenHeader, token)
	switch {
	case err != nil:
		return "", err
	case a.status == http.StatusOK:
		return a.body, nil
	case a.status == http.StatusNotFound:
		return "", nil
	case a.status == http.StatusUnauthorized:
		// A service that has just come up may do so (seen on real instances).
		c.forget(token)
		return "", passingError{"it did not take its own token (status 401)"}
	}
	return "", refusal(a.status)
}

// session gives the one token that all questions share.
func (c *imds) session(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" {
		return c.token, nil
	}
	// No hook lasts longer, and nobody else gets to see the token.
	a, err := c.ask(ctx, http.MethodPut, "api/token", tokenTTLHeader, strconv.Itoa(instance.MaxTimeoutSeconds))
	switch {
	case err != nil:
		return "", err
	case a.status == http.StatusOK && isToken(a.body):
		c.token = a.body
		return c.token, nil
	case a.status == http.StatusOK:
		return "", errors.New("what it gives as a token is none")
	case a.status == http.StatusForbidden:
		return "", errors.New("it gives no token (status 403), so it is turned off for this instance: set HttpEndpoint=enabled in its " +
			"metadata options")
	case a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed:
		return "", fmt.Errorf("it knows no tokens (status %d), so it does not speak IMDSv2, and the hook speaks nothing older", a.status)
	}
	return "", refusal(a.status)
}

func (c *imds) forget(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == token {
		c.token = ""
	}
}

// isToken wants what can stand in a header: visible ASCII.
func isToken(text string) bool {
	return text != "" && len(text) <= maxToken && strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// refusal is about an answer that is no value.
func refusal(status int) error {
	if status == http.StatusTooManyRequests || status >= http.StatusInternalServerError {
		return passingError{fmt.Sprintf("it answered with status %d", status)}
	}
	if status >= http.StatusMultipleChoices && status < http.StatusBadRequest {
		return fmt.Errorf("it sends elsewhere (status %d), which EC2 does not do and the hook does not follow", status)
	}
	return fmt.Errorf("it refuses (status %d)", status)
}

// answer is one that came whole. Its body is empty unless the status is 200.
type answer struct {
	status int
	body   string
}

// ask makes one request on a connection of its own.
func (c *imds) ask(ctx context.Context, method, path, header, value string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+imdsHost+"/latest/"+path, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	req.Close = true
	req.Header.Set("User-Agent", "deployhost")
	req.Header.Set(header, value)
	conn, err := c.dial(ctx, "tcp4", net.JoinHostPort(imdsHost, "80"))
	if err != nil {
		// No route and no listener yet, too: the network may still be coming up.
		return answer{}, passingError{err.Error()}
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := req.Write(conn); err != nil {
		return answer{}, passingError{"the connection broke"}
	}
	a, err := readAnswer(conn, req)
	if ctx.Err() != nil {
		return answer{}, passingError{fmt.Sprintf("it did not answer within %s", askTime)}
	}
	return a, err
}

// readAnswer reads a whole answer or none of it.
func readAnswer(from io.Reader, req *http.Request) (answer, error) {
	r := bufio.NewReader(io.LimitReader(from, maxAnswer))
	// Closing the body would read all that still comes; the connection is closed instead.
	resp, err := http.ReadResponse(r, req) //nolint:bodyclose // see above
	if err != nil {
		// The error may hold what was sent.
		return answer{}, passingError{"the answer was cut off, or is no HTTP"}
	}
	if resp.StatusCode != http.StatusOK {
		return answer{status: resp.StatusCode}, nil
	}
	if resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 {
		return answer{}, errors.New("the answer does not tell its length, so half of it could pass for all")
	}
	if resp.Header.Get("Content-Encoding") != "" {
		return answer{}, errors.New("the answer is compressed, which was not asked for")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case len(body) > maxBody:
		return answer{}, fmt.Errorf("the answer has more than %d bytes", maxBody)
	case err != nil:
		return answer{}, passingError{"the answer was cut off"}
	case r.Buffered() > 0:
		return answer{}, errors.New("the answer is longer than it says")
	case isHTML(resp.Header.Get("Content-Type"), string(body)):
		return answer{}, errors.New("the answer is an HTML or XML page, so something else than EC2 answers at its address")
	}
	return answer{status: resp.StatusCode, body: string(body)}, nil
}

// isHTML also knows pages that are declared to be plain text.
func isHTML(contentType, body string) bool {
	if strings.Contains(strings.ToLower(contentType), "html") {
		return true
	}
	body = strings.ToLower(strings.TrimSpace(body))
	return strings.HasPrefix(body, "<!doctype") || strings.HasPrefix(body, "<html") || strings.HasPrefix(body, "<?xml")
}
