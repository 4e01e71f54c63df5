//go:build unix

package rubycache

import (
	"io/fs"
	"os"
	"syscall"
)

// writableByOthers are the bits that let others than the owner write.
const writableByOthers = 0o022

// owner tells whose a file is, and whether that is ourselves or root.
func owner(info fs.FileInfo) (uid uint32, mine bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Uid, st.Uid == 0 || int(st.Uid) == os.Geteuid()
}
