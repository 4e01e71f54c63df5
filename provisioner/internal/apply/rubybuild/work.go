package rubybuild

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/apply/host"
)

const (
	// lookEvery is how soon a build ends that nobody waits for any more.
	lookEvery = 500 * time.Millisecond
	// tellEvery is how long people look at a build without a word.
	tellEvery = 15 * time.Second
	// tailBytes is how much of a log is read to find its last lines.
	tailBytes = 16 << 10
	// shownLine is how much of a log's last line is shown.
	shownLine = 100
)

// work is one version being built: programs that take minutes, watched.
type work struct {
	site    *Site
	version string
	log     *os.File
	room    *host.Room
	start   time.Time
}

// run runs a program that must succeed, tells how it does, and ends it when
// the build is cancelled.
func (w *work) run(ctx context.Context, phase string, c host.Command) error {
	stop := make(chan struct{})
	c.Log, c.Room, c.Stop = w.log, w.room, stop
	type end struct {
		out host.Output
		err error
	}
	ended := make(chan end, 1)
	go func() {
		out, err := w.site.Host.Run(c)
		ended <- end{out, err}
	}()
	look, tell := time.NewTicker(lookEvery), time.NewTicker(tellEvery)
	defer look.Stop()
	defer tell.Stop()
	for {
		select {
		case e := <-ended:
			switch {
			case e.err != nil:
				return w.failed(fmt.Errorf("ruby: %s: %w", c.Args[0], e.err))
			case e.out.Code != 0:
				return w.failed(fmt.Errorf("ruby: %s", w.reason(phase, e.out.Code)))
			}
			return nil
		case <-tell.C:
			w.site.Events.Progress(fmt.Sprintf("Ruby %s: %s, %d s: %s", w.version, w.now(phase), int(time.Since(w.start).Seconds()), w.lastLine()))
		case <-look.C:
			if err := w.site.cancelled(ctx); err != nil {
				close(stop)
				<-ended
				return err
			}
		}
	}
}

// failed adds where the rest of the log is.
func (w *work) failed(err error) error {
	if kept := w.site.keepLog(w.version); kept != "" {
		return fmt.Errorf("%w\nThe whole log is %s on the host (packer build -on-error=ask keeps the host); nothing of this Ruby is left there", err, kept)
	}
	return err
}

// logs are this program's own, then those that ruby-build has made, newest last.
func (s *Site) logs() []string {
	made, _ := filepath.Glob(s.path(s.stage("/tmp/ruby-build.*.log")))
	return append([]string{s.path(s.stage("/log"))}, made...)
}

// tail is the end of all that was said so far; ruby-build's own log comes last.
func (w *work) tail(lines int) []string {
	var all []string
	for _, log := range w.site.logs() {
		for line := range strings.SplitSeq(string(endOf(log)), "\n") {
			if line = strings.TrimSpace(line); line != "" {
				all = append(all, line)
			}
		}
	}
	return all[max(0, len(all)-lines):]
}

// now is ruby-build's own word for what it does, such as "Downloading
// openssl-3.0.15.tar.gz", or else the phase.
func (w *work) now(phase string) string {
	lines := strings.Split(string(endOf(w.log.Name())), "\n")
	for _, line := range slices.Backward(lines) {
		if strings.HasPrefix(line, "Downloading ") || strings.HasPrefix(line, "Installing ") {
			return strings.TrimRight(line, ".")
		}
	}
	return phase
}

func (w *work) lastLine() string {
	last := strings.Join(w.tail(1), "")
	if len(last) > shownLine {
		last = strings.ToValidUTF8(last[:shownLine], "") + "…"
	}
	return last
}

func endOf(path string) []byte {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	text := make([]byte, min(info.Size(), tailBytes))
	n, err := file.ReadAt(text, info.Size()-int64(len(text)))
	if err != nil && n == 0 {
		return nil
	}
	return text[:n]
}

// shownTail is how many lines of a failed build's logs go into the message.
const shownTail = 20

// reason says in words why a program failed, as far as its logs tell.
func (w *work) reason(phase string, code int) string {
	var all bytes.Buffer
	for _, log := range w.site.logs() {
		_, _ = all.Write(endOf(log)) // a buffer never fails
	}
	text := all.String()
	tail := "\n" + strings.Join(w.tail(shownTail), "\n")
	for _, known := range knownReasons {
		for _, sign := range known.signs {
			if strings.Contains(text, sign) {
				return strings.ReplaceAll(known.words, "VERSION", w.version) + ". The end of the log:" + tail
			}
		}
	}
	return fmt.Sprintf("%s %s failed with status %d. The end of the log:%s", phase, w.version, code, tail)
}

// knownReasons are looked for in this order.
var knownReasons = []struct {
	signs []string
	words string
}{
	{
		[]string{"No space left on device", "Disk quota exceeded"},
		"the disk is full: a build takes about 1 GiB besides the Ruby itself; give the source image a larger disk, or remove something earlier in the build",
	},
	{
		[]string{"checksum mismatch", "does not match expected", "unexpected checksum length"},
		"what was downloaded has another SHA-256 than the definition says, so it is damaged or another source: look at the mirror or tarball, and at the checksum after # in the definition file",
	},
	{
		[]string{
			"Could not resolve host", "Failed to connect", "Connection refused", "Connection timed out", "Network is unreachable",
			"unable to resolve host address", "The requested URL returned error", "failed to download", "Unable to download data from",
			"Could not find a valid gem",
		},
		"what VERSION needs could not be downloaded: look at this host's network, resolver and proxy, or bring it nearer with mirror, tarball, a definition file or gem_source",
	},
	{
		[]string{"extension was not compiled", "missing extensions"},
		"VERSION was built without an extension that every app needs, because a library's header files are missing: add their package to packages",
	},
	{
		[]string{"internal compiler error", "Killed signal", "virtual memory exhausted"},
		"the compiler ran out of memory: give the machine that is baked more, or write make_options = [\"-j1\"]",
	},
}
