package rubycache

import "io/fs"

// writableByOthers is nothing here: Go makes modes up, from one attribute.
const writableByOthers = 0

// owner takes every file as ours: Windows keeps a user's cache directory from
// others by itself, and has no uids.
func owner(fs.FileInfo) (uid uint32, mine bool) { return 0, true }
