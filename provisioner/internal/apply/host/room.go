package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Room is where a program sees one directory in the place of another, and
// nobody else does. All that it has started ends with it, and it ends with us.
type Room struct {
	// From is seen at At; both exist.
	From, At string
}

// RoomVerb is the host tool's command that calls Enter.
const RoomVerb = "room"

// roomArgs come before a program's own arguments.
const roomArgs = 3

// inRoom makes cmd start Enter, in namespaces of its own, in the program's place.
func (c Command) inRoom(cmd *exec.Cmd, tool string) {
	attr := cmd.SysProcAttr
	ids := "-"
	if attr.Credential != nil {
		// Dropped within: mounting takes root.
		all := append([]uint32{attr.Credential.Uid, attr.Credential.Gid}, attr.Credential.Groups...)
		ids = strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ","), "[]")
		attr.Credential = nil
	}
	cmd.Args = append([]string{tool, RoomVerb, c.Room.From, c.Room.At, ids, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = tool
	// With a PID namespace the kernel ends a compiler's whole family at once.
	attr.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID
	attr.Pdeathsig = syscall.SIGKILL
}

// Enter becomes the program, within the room. It returns only when it cannot.
func Enter(args []string) error {
	if len(args) <= roomArgs {
		return errors.New("room takes: FROM AT IDS PROGRAM ARGUMENTS…")
	}
	// Otherwise a shared mount would show to everybody what is mounted here.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := unix.Mount(args[0], args[1], "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", args[0], args[1], err)
	}
	if args[2] != "-" {
		if err := drop(strings.Split(args[2], ",")); err != nil {
			return err
		}
	}
	return unix.Exec(args[roomArgs], args[roomArgs:], os.Environ())
}

func drop(texts []string) error {
	ids := make([]int, 0, len(texts))
	for _, text := range texts {
		id, err := strconv.Atoi(text)
		if err != nil || id <= 0 {
			return fmt.Errorf("%q is no uid or gid but root's", text)
		}
		ids = append(ids, id)
	}
	if len(ids) < 2 {
		return errors.New("a uid and a gid are needed")
	}
	return errors.Join(unix.Setgroups(ids[2:]), unix.Setresgid(ids[1], ids[1], ids[1]), unix.Setresuid(ids[0], ids[0], ids[0]))
}
