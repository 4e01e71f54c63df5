# Runs as PID 1 of new mount, PID and cgroup namespaces, and becomes
# systemd-nspawn with the arguments given. None of it is seen outside.
set -eu
mount --make-rprivate /
mount -t proc proc /proc

# The guest needs a pure cgroup v2 tree, whatever this machine has. The
# namespace's root must hold no process, or no controller can be enabled in it.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/nspawn
echo 0 >/sys/fs/cgroup/nspawn/cgroup.procs

# nspawn must neither talk to this machine's systemd nor leave its state there.
mkdir -p /run/systemd
mount -t tmpfs -o mode=755 tmpfs /run/systemd

exec systemd-nspawn "$@"
