package status

import "syscall"

// disks asks each file system once that the host cannot work without when it is full.
func (l *look) disks() {
	l.state.Disks = []Disk{}
	paths := []string{"/", "/run", "/var/log", l.b.User.Home}
	for _, app := range l.b.Apps {
		paths = append(paths, app.DeployTo)
	}
	seen := map[uint64]bool{}
	for _, path := range paths {
		var at syscall.Stat_t
		var fs syscall.Statfs_t
		// What is not there is on no disk, and others tell that it is missing.
		if syscall.Stat(l.Users.Path(path), &at) != nil || seen[at.Dev] || syscall.Statfs(l.Users.Path(path), &fs) != nil {
			continue
		}
		seen[at.Dev] = true
		l.state.Disks = append(l.state.Disks, Disk{
			Path: path,
			// Blocks that only root may use count as used, as in df(1).
			UsedPercent:       usedPercent(fs.Blocks-(fs.Bfree-fs.Bavail), fs.Bavail),
			InodesUsedPercent: usedPercent(fs.Files, fs.Ffree),
		})
	}
}

// usedPercent is rounded up, so that 100 is said of the last percent already; 0
// when the file system does not count.
func usedPercent(all, free uint64) int {
	if all == 0 || free > all {
		return 0
	}
	return int((100*(all-free) + all - 1) / all) //nolint:gosec // at most 100
}
