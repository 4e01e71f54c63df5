// Package rootowned tells whether root alone can change a program that is
// configured by its path.
package rootowned

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Rule says what is asked of a program.
type Rule struct {
	// Root is the directory that counts as "/", and UID who is root there.
	Root string
	UID  int
	// As is whose rights whoever could change the program would have.
	As string
}

// Check wants each step of a program's path to be root's, and none a link. What
// has passed, nobody but root can change before it is started.
func (r Rule) Check(program string) error {
	steps := strings.Split(program, "/") // the first is empty, for the root directory
	for i := range steps {
		at := cmp.Or(strings.Join(steps[:i+1], "/"), "/")
		info, err := os.Lstat(filepath.Join(r.Root, at))
		switch last := i == len(steps)-1; {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("there is no %s: put the program into the image", program)
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a symbolic link, and none is followed: name the program's real path", at)
		case last && !info.Mode().IsRegular():
			return fmt.Errorf("%s is no regular file", at)
		case last && info.Mode()&0o111 == 0:
			return fmt.Errorf("%s is not executable: give it mode 0755", at)
		case !r.alone(info):
			return fmt.Errorf("%s can be changed by others than root, who could so run code as %s: give it to root, "+
				"with mode 0755, and so each directory above it", at, r.As)
		}
	}
	return nil
}

func (r Rule) alone(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == r.UID && info.Mode()&0o022 == 0
}
