//go:build linux

package testmachine

import (
	"fmt"
	"io"
	"os"
	"time"
)

// Progress gets one line for each thing that takes long or changes the
// machine this runs on. Set it before use; it is not guarded by a lock.
var Progress io.Writer = os.Stderr

// say writes one line to Progress. A lost line must not stop the work.
func say(format string, args ...any) {
	_, _ = fmt.Fprintf(Progress, "testmachine: "+format+"\n", args...)
}

// sayTook says what is being done now, and returns a function that says how long it took.
func sayTook(format string, args ...any) func() {
	what := fmt.Sprintf(format, args...)
	say("%s …", what)
	start := time.Now()
	return func() { say("%s took %.1f s", what, time.Since(start).Seconds()) }
}
