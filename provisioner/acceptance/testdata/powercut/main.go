//go:build linux

// Command powercut runs a program and kills it with SIGKILL right before its
// N-th change below /run, whichever thread makes it:
//
//	powercut N PROGRAM [ARGUMENT]…
//
// It writes one line: "killed before" and the change, or "survived N changes"
// when there were fewer.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	limit, err := strconv.Atoi(os.Args[1])
	if err == nil {
		err = run(limit, os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "powercut:", err)
		os.Exit(1)
	}
}

// tracer follows a program and all that it starts.
type tracer struct {
	program int
	limit   int
	changes int
	killed  string
}

func run(limit int, argv []string) error {
	runtime.LockOSThread() // only the thread that traces may ask
	program, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 2, 2}, Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return err
	}
	t := tracer{program: program, limit: limit}
	if err := t.follow(); err != nil {
		return err
	}
	switch {
	case t.killed != "":
		fmt.Println("killed before", t.killed)
	default:
		fmt.Println("survived", t.changes, "changes")
	}
	return nil
}

// follow lasts until the program and its children have ended.
func (t *tracer) follow() error {
	for first := true; ; {
		var status syscall.WaitStatus
		id, err := syscall.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case errors.Is(err, syscall.ECHILD):
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return err
		case !status.Stopped():
			continue
		}
		if first {
			first = false
			options := unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
				unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL
			if err := syscall.PtraceSetOptions(id, options); err != nil {
				return err
			}
		}
		if err := syscall.PtraceSyscall(id, t.stopped(id, status)); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
}

// stopped looks at why a thread stopped, and returns the signal that it gets.
func (t *tracer) stopped(id int, status syscall.WaitStatus) (signal int) {
	switch stop := status.StopSignal(); {
	case stop == syscall.SIGTRAP|0x80: // PTRACE_O_TRACESYSGOOD
		t.enters(id)
		return 0
	case stop == syscall.SIGTRAP || stop == syscall.SIGSTOP: // an event, or a new thread's first stop
		return 0
	default:
		return int(stop)
	}
}

func (t *tracer) enters(id int) {
	change := changeOf(id)
	if change == "" || t.killed != "" {
		return
	}
	if t.changes++; t.changes == t.limit {
		t.killed = change
		_ = syscall.Kill(t.program, syscall.SIGKILL) // it is stopped, so it is there
	}
}

// The kernel's struct ptrace_syscall_info (ptrace(2)): a byte that says what
// the stop is, and at a call's entry its number and six arguments.
const infoSize, infoEntry = 88, 24

// changeOf describes the system call that a thread is about to make when it
// changes something below /run, and is "" for all others.
func changeOf(id int) string {
	var info [infoSize]byte
	_, _, failed := syscall.Syscall6(syscall.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(id), uintptr(len(info)),
		uintptr(unsafe.Pointer(&info[0])), 0, 0)
	if failed != 0 || info[0] != unix.PTRACE_SYSCALL_INFO_ENTRY {
		return ""
	}
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(info[infoEntry+8*i:]) }
	// Which of the arguments are a directory, or the file itself, and a name in it.
	name, at, text := "", 1, 2
	switch word(0) {
	case unix.SYS_OPENAT:
		if word(3)&unix.O_CREAT == 0 {
			return ""
		}
		name = "create"
	case unix.SYS_MKDIRAT:
		name = "mkdir"
	case unix.SYS_UNLINKAT:
		name = "remove"
	case unix.SYS_FCHOWNAT:
		name = "chown"
	case unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2:
		name = "chmod"
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		name = "rename"
	case unix.SYS_SYMLINKAT:
		name, at, text = "symlink", 2, 3
	case unix.SYS_WRITE, unix.SYS_FCHMOD, unix.SYS_FCHOWN, unix.SYS_FTRUNCATE:
		name, text = "change the file", 0
	default:
		return ""
	}
	file := ""
	if text != 0 {
		file = textAt(id, word(text))
	}
	if !strings.HasPrefix(file, "/") {
		dir, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", id, int32(word(at)))) //nolint:gosec // a descriptor has 32 bits
		file = path.Join(dir, file)
	}
	if !strings.HasPrefix(file, "/run/") || strings.HasPrefix(file, "/run/user/") {
		return ""
	}
	return name + " " + file
}

// textAt reads a string from a thread's memory.
func textAt(id int, address uint64) string {
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", id))
	if err != nil {
		return ""
	}
	defer memory.Close()
	var text [4096]byte
	n, _ := memory.ReadAt(text[:], int64(address)) //nolint:gosec // no user address has the top bit
	end := strings.IndexByte(string(text[:n]), 0)
	return string(text[:max(0, end)])
}
