package boot

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// service plays what listens at EC2's address: it is called for each
// connection, with the request that came.
type service func(conn net.Conn, req *http.Request)

// dial connects through memory, which works in a bubble of synctest's clock.
func (s service) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp4" || address != "169.254.169.254:80" {
		return nil, errors.New("only EC2's metadata service is to be asked, not " + address)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		if req, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
			s(far, req)
		}
	}()
	return near, nil
}

const testToken = "AQAEAtoken=="

// say answers with a status and a body, as EC2 does.
func say(conn io.Writer, status int, body string) {
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nServer: EC2ws\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(body), body)
}

// imdsv2 is a service that works. Values are by their paths below /latest/.
func imdsv2(values map[string]string) service {
	return func(conn net.Conn, req *http.Request) {
		value, ok := values[strings.TrimPrefix(req.URL.Path, "/latest/")]
		switch {
		case req.Method == http.MethodPut && req.URL.Path == "/latest/api/token" && req.Header.Get(tokenTTLHeader) == "60":
			say(conn, 200, testToken)
		case req.Method != http.MethodGet:
			say(conn, 400, "")
		case req.Header.Get(tokenHeader) != testToken:
			say(conn, 401, "")
		case !ok:
			say(conn, 404, "<?xml version=\"1.0\"?><html>404 - Not Found</html>")
		default:
			say(conn, 200, value)
		}
	}
}

const (
	tagPath = "/latest/meta-data/tags/instance/cell"
	idPath  = "/latest/meta-data/instance-id"
	// hidden is part of every hostile answer and must be told nowhere.
	hidden = "s3cr3t-v4lue"
)

// onTag answers as hostile says when the tag is asked for, and well otherwise.
func onTag(hostile func(conn net.Conn)) service { return on(tagPath, hostile) }

func onToken(hostile func(conn net.Conn)) service { return on("/latest/api/token", hostile) }

func on(path string, hostile func(conn net.Conn)) service {
	well := imdsv2(map[string]string{"meta-data/instance-id": "i-1", "meta-data/tags/instance/cell": hidden})
	return func(conn net.Conn, req *http.Request) {
		if req.URL.Path == path {
			hostile(conn)
			return
		}
		well(conn, req)
	}
}

func text(answer string) func(net.Conn) {
	return func(conn net.Conn) { fmt.Fprint(conn, answer) }
}

func status(code int) func(net.Conn) { return func(conn net.Conn) { say(conn, code, hidden) } }

// endless sends begin and then more for as long as somebody reads.
func endless(begin, more string, every time.Duration) func(net.Conn) {
	return func(conn net.Conn) {
		_, err := io.WriteString(conn, begin)
		for err == nil {
			time.Sleep(every)
			_, err = io.WriteString(conn, more)
		}
	}
}

func failing(err error) dialer {
	return func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp4", Addr: &net.TCPAddr{IP: net.IPv4(169, 254, 169, 254), Port: 80}, Err: err}
	}
}

const page = "<!DOCTYPE html>\n<html>" + hidden + "</html>"

// TestHostileService runs the whole hook, on a clock of its own, against
// services that do everything but answer. It has to end in time, to tell what
// is wrong, and to write nothing; and nothing that was sent may be told.
func TestHostileService(t *testing.T) {
	t.Parallel()
	ok := "HTTP/1.1 200 OK\r\n"
	megabyte := strings.Repeat(hidden[:8], 1<<17)
	for name, tc := range map[string]struct {
		dial dialer
		want string
		// patient says that the fault may pass, so that all of the time is used.
		patient bool
	}{
		"refused":          {failing(syscall.ECONNREFUSED), "connection refused", true},
		"no route":         {failing(syscall.ENETUNREACH), "network is unreachable", true},
		"accepts no more":  {silent, "deadline exceeded", true},
		"says nothing":     {onToken(func(net.Conn) { time.Sleep(time.Hour) }).dial, "did not answer within 2s", true},
		"token 400":        {onToken(status(400)).dial, "it refuses (status 400)", false},
		"token 403":        {onToken(status(403)).dial, "HttpEndpoint=enabled", false},
		"token 404":        {onToken(status(404)).dial, "does not speak IMDSv2", false},
		"token 405":        {onToken(status(405)).dial, "does not speak IMDSv2", false},
		"token 503":        {onToken(status(503)).dial, "status 503", true},
		"token of two":     {onToken(text(ok + "Content-Length: 8\r\n\r\nab\r\nc: d")).dial, "a token is none", false},
		"token empty":      {onToken(text(ok + "Content-Length: 0\r\n\r\n")).dial, "a token is none", false},
		"token huge":       {onToken(func(c net.Conn) { say(c, 200, strings.Repeat("x", maxToken+1)) }).dial, "a token is none", false},
		"token a page":     {onToken(func(c net.Conn) { say(c, 200, page) }).dial, "HTML", false},
		"no id":            {on(idPath, status(404)).dial, "not EC2's metadata service", false},
		"401 for ever":     {onTag(status(401)).dial, "status 401", true},
		"403":              {onTag(status(403)).dial, "it refuses (status 403)", false},
		"404":              {onTag(status(404)).dial, "this instance has no tag:cell", false},
		"429":              {onTag(status(429)).dial, "status 429", true},
		"500":              {onTag(status(500)).dial, "status 500", true},
		"206":              {onTag(status(206)).dial, "it refuses (status 206)", false},
		"100":              {onTag(text("HTTP/1.1 100 Continue\r\n\r\n")).dial, "it refuses (status 100)", false},
		"redirect away":    {onTag(text("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")).dial, "sends elsewhere", false},
		"redirect to self": {onTag(text("HTTP/1.1 307 T\r\nLocation: " + tagPath + "\r\nContent-Length: 0\r\n\r\n")).dial, "sends elsewhere", false},
		"drips":            {onTag(endless(ok+"Content-Length: 99\r\n\r\n", "s", time.Second)).dial, "did not answer within 2s", true},
		"drips its head":   {onTag(endless(ok+"X-S: ", "s", time.Second)).dial, "did not answer within 2s", true},
		"100 MB":           {onTag(endless(ok+"Content-Length: 104857600\r\n\r\n", megabyte, 0)).dial, "more than 16384 bytes", false},
		"100 MB in chunks": {onTag(endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "100000\r\n"+megabyte+"\r\n", 0)).dial, "more than 16384 bytes", false},
		"chunks, no end":   {onTag(endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "1\r\ns\r\n", time.Second)).dial, "did not answer within 2s", true},
		"head without end": {onTag(endless(ok, "X-S: "+megabyte+"\r\n", 0)).dial, "no HTTP", true},
		"closes early":     {onTag(text(ok + "Content-Length: 20\r\n\r\n" + hidden)).dial, "cut off", true},
		"chunk cut off":    {onTag(text(ok + "Transfer-Encoding: chunked\r\n\r\n14\r\n" + hidden)).dial, "cut off", true},
		"closes at once":   {onTag(text("")).dial, "no HTTP", true},
		"tells no length":  {onTag(text(ok + "\r\n" + hidden)).dial, "does not tell its length", false},
		"length too short": {onTag(text(ok + "Content-Length: 4\r\n\r\n" + hidden)).dial, "longer than it says", false},
		"two lengths":      {onTag(text(ok + "Content-Length: 4\r\nContent-Length: 5\r\n\r\n" + hidden)).dial, "no HTTP", true},
		"page":             {onTag(text(ok + "Content-Type: text/HTML; charset=x\r\nContent-Length: 12\r\n\r\n" + hidden)).dial, "HTML", false},
		"page as text":     {onTag(func(c net.Conn) { say(c, 200, "\n "+page) }).dial, "HTML", false},
		"gzip":             {onTag(text(ok + "Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" + hidden)).dial, "compressed", false},
		"no HTTP":          {onTag(text(hidden + "\r\n\r\n")).dial, "no HTTP", true},
		"NUL":              {onTag(func(c net.Conn) { say(c, 200, hidden+"\x00") }).dial, "NUL", false},
		"no UTF-8":         {onTag(func(c net.Conn) { say(c, 200, hidden+"\xff") }).dial, "UTF-8", false},
		"too long a value": {onTag(func(c net.Conn) { say(c, 200, strings.Repeat("x", 8193)) }).dial, "8192", false},
		"breaks the rule":  {onTag(func(c net.Conn) { say(c, 200, hidden+"!") }).dial, "does not match the pattern", false},
		"empty":            {onTag(func(c net.Conn) { say(c, 200, "") }).dial, "this instance has no tag:cell", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, &txtar.Archive{Files: []txtar.File{{Name: "rules.json", Data: []byte(
				`{"cloud": "ec2", "values": [{"name": "CELL", "from": "tag:cell", "pattern": "^[a-z0-9-]*$", "required": true}]}`)}}})
			m.host.Dial = tc.dial
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				verdict, err := Run(t.Context(), m.host)
				took := time.Since(start)
				time.Sleep(2 * time.Hour) // the service notices that nobody listens any more
				if err != nil {
					t.Fatal(err)
				}
				told, err := json.Marshal(verdict)
				if err != nil {
					t.Fatal(err)
				}
				if verdict.OK || len(verdict.Problems) != 1 || !strings.Contains(verdict.Problems[0], tc.want) {
					t.Errorf("want a problem with %q, got %s", tc.want, told)
				}
				if took > 15*time.Second || tc.patient != (took > 14*time.Second) {
					t.Errorf("the hook took %s of its 15 s", took)
				}
				for _, text := range []string{string(told), m.log.String()} {
					if strings.Contains(text, hidden) || strings.Contains(text, testToken) {
						t.Errorf("what was sent is told:\n%s", text)
					}
				}
				if _, err := os.Lstat(m.host.Users.Path(instance.Dir("shop"))); err == nil {
					t.Error("something was written")
				}
			})
		})
	}
}

// silent is a host that drops every packet.
func silent(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestFaultsThatPass wants the value as soon as the service gives it.
func TestFaultsThatPass(t *testing.T) {
	t.Parallel()
	well := imdsv2(map[string]string{"meta-data/instance-id": "i-1"})
	for name, tc := range map[string]struct {
		// times that the fault shows before the service works
		times int32
		fault dialer
		// asked is how many requests it takes in all
		asked int32
	}{
		"the network comes up late": {4, failing(syscall.ENETUNREACH), 6},
		"a connection that hangs":   {1, service(func(net.Conn, *http.Request) { time.Sleep(time.Hour) }).dial, 3},
		"a busy service":            {3, service(func(c net.Conn, _ *http.Request) { say(c, 503, "") }).dial, 5},
		"a token that is not taken": {2, on(idPath, status(401)).dial, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				start := time.Now()
				c := newIMDS(func(ctx context.Context, network, address string) (net.Conn, error) {
					if asked.Add(1) <= tc.times {
						return tc.fault(ctx, network, address)
					}
					return well.dial(ctx, network, address)
				})
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				value, err := c.get(ctx, "meta-data/instance-id")
				if value != "i-1" || err != nil || asked.Load() != tc.asked {
					t.Errorf("%q, %v after %d requests, not %d", value, err, asked.Load(), tc.asked)
				}
				if took := time.Since(start); took > askTime+2*time.Second {
					t.Errorf("that took %s", took)
				}
				time.Sleep(2 * time.Hour) // until those that hang are gone
			})
		})
	}
}

// TestValuesAreAskedAtOnce uses real sockets and Go's own server: one token,
// never more than the bound, answers in order, and no proxy.
func TestValuesAreAskedAtOnce(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY", "AWS_EC2_METADATA_SERVICE_ENDPOINT"} {
		t.Setenv(name, "http://192.0.2.1:3128")
	}
	t.Setenv("REQUEST_METHOD", "") // with it net/http would not take HTTP_PROXY
	var tokens, now, most atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPut {
			tokens.Add(1)
			fmt.Fprint(w, testToken)
			return
		}
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
		if req.Header.Get(tokenHeader) != testToken || req.Host != imdsHost {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "value of "+req.URL.Path)
	}))
	defer server.Close()
	rules := baseRules()
	for i := range 40 {
		rules.Values = append(rules.Values, instance.Value{Name: fmt.Sprintf("V%d", i), From: fmt.Sprintf("tag:%d", i)})
	}
	rules.Cloud = "ec2"
	var dialled atomic.Value
	h := Host{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Store(address)
		var d net.Dialer
		return d.DialContext(ctx, network, server.Listener.Addr().String())
	}}
	var verdict instance.Verdict
	from, err := h.sources(t.Context(), &rules, &verdict)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range from.ask(t.Context(), rules.Values) {
		if want := fmt.Sprintf("value of /latest/meta-data/tags/instance/%d", i); a.value != want || a.err != nil {
			t.Errorf("%d: %q, %v", i, a.value, a.err)
		}
	}
	if tokens.Load() != 1 || most.Load() > atOnce || most.Load() < 2 {
		t.Errorf("%d tokens, %d questions at once", tokens.Load(), most.Load())
	}
	if to := dialled.Load(); to != "169.254.169.254:80" {
		t.Errorf("%s was dialled", to)
	}
}

func FuzzReadAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\nServer: EC2ws\r\n\r\ni-12345678",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\neu-\r\n4\r\nwest\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ni-12345678",
		"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\ni-12345678",
		"HTTP/1.0 200 OK\r\n\r\ni-12345678",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"<html>", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+imdsHost+"/latest/x", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		a, err := readAnswer(bytes.NewReader(data), req)
		if err != nil {
			// Its words are its own: what was sent is not among them.
			if !strings.HasPrefix(err.Error(), "the answer ") || len(err.Error()) > 100 || a != (answer{}) {
				t.Fatalf("%+v, %q", a, err)
			}
			return
		}
		if a.status != http.StatusOK && a.body != "" || len(a.body) > maxBody {
			t.Fatalf("status %d with %d bytes", a.status, len(a.body))
		}
		chunked := bytes.Contains(bytes.ToLower(data), []byte("chunked"))
		if a.status == http.StatusOK && !chunked && !bytes.HasSuffix(data, []byte(a.body)) {
			t.Fatalf("%q is not all of %q", a.body, data)
		}
		// Every beginning of an answer is either refused or no answer yet.
		for n := range min(len(data), 512) {
			if part, err := readAnswer(bytes.NewReader(data[:n]), req); a.status == http.StatusOK && err == nil && part.body != a.body {
				t.Fatalf("%q of %q passes for all", part.body, a.body)
			}
		}
	})
}
