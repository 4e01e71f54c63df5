// Package host is the machine that a blueprint is applied to: where its root
// directory is, and how programs run on it. Tests put a directory and a
// function in its place.
package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Host is one machine.
type Host struct {
	// Root is "/" except in tests.
	Root string
	// Run runs a program to its end. An error means that it could not be
	// started or waited for; a failing program is Output.Code.
	Run func(Command) (Output, error)
}

// Command is one program run. It never passes through a shell.
type Command struct {
	// Args holds the program first, looked up in the fixed Path.
	Args []string
	// Env is added to, or for a Credential replaces, the environment that root's programs get.
	Env []string
	// Stdin is what the program reads; nil for nothing.
	Stdin []byte
	// As runs the program with another's rights; nil for our own.
	As *Credential
	// Dir is where it starts; empty for /.
	Dir string
	// Log takes all that it writes, of which nothing is kept then; nil to keep it.
	Log *os.File
	// Room is where it runs; nil for where everybody does.
	Room *Room
	// Stop ends it, and what it has started, when it is closed; nil for never.
	Stop <-chan struct{}
}

// Credential is whose rights a program gets; never root's.
type Credential struct {
	UID, GID int
	Groups   []int
}

// Output is how a program ended.
type Output struct {
	// Code is the exit status, -1 after a signal.
	Code int
	// Stdout is what it wrote, at most MaxOutput bytes.
	Stdout string
	// Text is standard output and standard error as a person would have seen them.
	Text string
}

// MaxOutput bounds what is kept of a program's output, in bytes.
const MaxOutput = 16 << 20

// tailLines is how much of a failed program's output goes into a message.
const tailLines = 12

// Path makes an absolute path of the image one of this machine.
func (h Host) Path(path string) string { return filepath.Join(h.Root, path) }

// Do runs a program that must succeed. The error holds the end of its output.
func (h Host) Do(c Command) (Output, error) {
	out, err := h.Run(c)
	if err != nil {
		return out, fmt.Errorf("%s: %w", strings.Join(c.Args, " "), err)
	}
	if out.Code != 0 {
		return out, fmt.Errorf("%s ended with status %d: %s", strings.Join(c.Args, " "), out.Code, out.Tail())
	}
	return out, nil
}

// Tail is the last lines of Text, for a message.
func (o Output) Tail() string {
	lines := strings.Split(strings.TrimSpace(o.Text), "\n")
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	return strings.Join(lines, "\n")
}
