//go:build linux

package goldenimage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// What example/local gives puma, and the drop-in its user manager.
const (
	memoryMax = 512 << 20
	cpuQuota  = 150
	tasksMax  = 64
	// quotaSlack is what a quota may be exceeded by, in percent of one
	// processor: the kernel hands time out in slices. Without a quota the two
	// processors would give 200.
	quotaSlack = 25
)

// inside begins a script with what all of these need: the group of puma's
// service, and a way to run a script in it as $1. Only the user manager can put
// one there: the groups are its own, those of a login session are not. It would
// expand a "$" in arguments, but not on stdin.
const inside = `
set -u
unit=` + pumaUnit + `
group=/sys/fs/cgroup$(systemctl --user show -p ControlGroup --value $unit)
inside() {
  { echo 'echo $$ >"$1/cgroup.procs"'; cat; } | systemd-run --user --quiet --wait --pipe /bin/sh -s "$group"
}
value() { sed -n "s/^$2 //p" "$1"; }
restarts() { systemctl --user show -p NRestarts --value $unit; }
`

// eatMemory takes more than all that puma may have. The group is gone once its
// service has ended; the one above it counts for it too.
const eatMemory = inside + `
above=$(dirname "$group")/memory.events
ooms=$(value "$above" oom) kills=$(value "$above" oom_kill) restarts=$(restarts)
echo max $(cat "$group/memory.max")
echo 'exec dd if=/dev/zero of=/dev/null bs=700M count=1 2>/dev/null' | inside
n=0
until [ "$(restarts)" -gt "$restarts" ] || [ $((n += 1)) -gt 100 ]; do sleep 0.2; done
echo ooms $(($(value "$above" oom) - ooms))
echo kills $(($(value "$above" oom_kill) - kills))
echo restarts $(($(restarts) - restarts))`

// eatTasks starts threads until the kernel refuses one. To a fork that it
// refuses Ruby would try again each second, for ever.
const eatTasks = inside + `
refused=$(value "$group/pids.events" max)
inside <<'EATER'
exec ruby -e '
  begin
    loop { Thread.new { sleep } }
  rescue ThreadError
    puts "tasks " + File.read(ARGV[0] + "/pids.current")
  end' "$1"
EATER
echo refused $(($(value "$group/pids.events" max) - refused))`

// eatTime keeps more processors busy than puma may use.
const eatTime = inside + `
inside <<'EATER'
value() { sed -n "s/^$2 //p" "$1/cpu.stat"; }
throttled=$(value "$1" nr_throttled) used=$(value "$1" usage_usec) began=$(date +%s%6N)
for i in 1 2 3; do timeout 5 sh -c 'while :; do :; done' & done
wait
echo throttled $(($(value "$1" nr_throttled) - throttled))
echo percent $((100 * ($(value "$1" usage_usec) - used) / ($(date +%s%6N) - began)))
EATER`

// limits shows that what puma is given is all that it can take.
func (l look) limits(ctx context.Context) error {
	for _, step := range []func(context.Context) error{l.manager, l.tasks, l.time, l.memory} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// manager wants what the drop-in says of the user manager, and puma's own score.
func (l look) manager(ctx context.Context) error {
	result, err := l.vm.Run(ctx, deployUser, `
systemctl show user@$(id -u).service -p DelegateControllers -p TimeoutStopUSec
manager=$(systemctl show user@$(id -u).service -p MainPID --value)
puma=$(systemctl --user show `+pumaUnit+` -p MainPID --value)
echo oom_score_adj $(cat /proc/$manager/oom_score_adj) $(cat /proc/$puma/oom_score_adj)`)
	if err != nil {
		return err
	}
	said := result.Stdout
	arrived := strings.Contains(said, "DelegateControllers=cpu memory pids\n") &&
		strings.Contains(said, "TimeoutStopUSec=2min\n") && strings.Contains(said, "oom_score_adj -100 0\n")
	return l.saw("user manager: delegation, stop, OOM score", arrived, strings.Join(strings.Fields(said), " "))
}

func (l look) tasks(ctx context.Context) error {
	seen, err := l.eat(ctx, eatTasks)
	if err != nil {
		return err
	}
	l.job.report.figure("limits.tasks_refused", float64(seen["refused"]), "count")
	met := seen["refused"] > 0 && seen["tasks"] == tasksMax
	return l.saw("tasks limit met", met, fmt.Sprintf("no more than %d tasks", seen["tasks"]))
}

func (l look) time(ctx context.Context) error {
	seen, err := l.eat(ctx, eatTime)
	if err != nil {
		return err
	}
	l.job.report.figure("limits.cpu_throttled", float64(seen["throttled"]), "count")
	// Less than half of the quota would have been met by no limit at all.
	met := seen["throttled"] > 0 && seen["percent"] > cpuQuota/2 && seen["percent"] <= cpuQuota+quotaSlack
	return l.saw("cpu limit met", met, fmt.Sprintf("3 busy loops used %d%%", seen["percent"]))
}

// memory comes last: it is puma that goes with what ate its memory.
func (l look) memory(ctx context.Context) error {
	seen, err := l.eat(ctx, eatMemory)
	if err != nil {
		return err
	}
	l.job.report.figure("limits.memory_oom_kills", float64(seen["kills"]), "count")
	met := seen["max"] == memoryMax && seen["ooms"] > 0 && seen["kills"] > 0 && seen["restarts"] > 0
	detail := fmt.Sprintf("%d killed, %d restart", seen["kills"], seen["restarts"])
	if err := l.saw("memory limit met, started again", met, detail); err != nil {
		return err
	}
	_, err = waitForAnswer(ctx, l.url)
	return err
}

// eat runs a script as the deploy user and reads the numbers that it tells.
func (l look) eat(ctx context.Context, script string) (map[string]int, error) {
	result, err := l.vm.Run(ctx, deployUser, script)
	if err != nil {
		return nil, err
	}
	seen := map[string]int{}
	var wrong []error
	for line := range strings.Lines(result.Stdout) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		number, err := strconv.Atoi(text)
		wrong = append(wrong, err)
		seen[name] = number
	}
	if err := errors.Join(append(wrong, result.Check())...); err != nil {
		return nil, fmt.Errorf("%w: %s", err, result.Stderr)
	}
	return seen, nil
}
