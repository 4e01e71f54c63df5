//go:build linux

package goldenimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	deployUser = "deploy"
	pumaPort   = 3000
	pumaUnit   = "shop_puma_production.service"
	// patience is for a machine that is emulated on a busy one.
	patience = 6 * time.Minute
)

// instance is one machine that boots the golden image.
type instance struct {
	seed testmachine.Seed
	cell string
	// limited is the one whose limits are tried.
	limited bool
}

func instances() []instance {
	var all []instance
	for id, cell := range []string{"north", "south"} {
		all = append(all, instance{
			cell:    cell,
			limited: id == 0,
			seed: testmachine.Seed{
				InstanceID: fmt.Sprintf("i-golden-%d", id+1),
				Hostname:   "golden-" + cell,
				MetaData:   map[string]any{"cell": cell},
			},
		})
	}
	return all
}

// answer is what example/local's app tells of itself.
type answer struct {
	InstanceID string `json:"instance_id"`
	Cell       string `json:"cell"`
	CellFile   string `json:"cell_file"`
	Greeting   string `json:"greeting"`
	PID        int    `json:"pid"`
}

// show boots one instance and looks at it.
func (j *Job) show(ctx context.Context, i instance) (err error) {
	j.report.note("instance %s, cell %s", i.seed.InstanceID, i.cell)
	fmt.Fprintf(j.Log, "==> booting the golden image as %s\n", i.seed.InstanceID)
	start := time.Now()
	vm, err := testmachine.BootVM(ctx, testmachine.VMOptions{
		Name:    i.seed.InstanceID,
		Disk:    testmachine.Disk{Image: j.golden(), Kernel: j.disk.Kernel, Initrd: j.disk.Initrd},
		Seed:    &i.seed,
		Forward: []int{pumaPort},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vm.Close()) }()
	at := "http://" + vm.Forwarded(pumaPort)
	said, err := waitForAnswer(ctx, at)
	if err != nil {
		return err
	}
	took := time.Since(start)
	j.report.step("power on to HTTP 200", took)
	j.report.figure("boot.to_http_200_s", took.Seconds(), "s")
	l := look{job: j, vm: vm, url: at}
	return l.all(ctx, i, said)
}

// look is an inspection of one running instance.
type look struct {
	job *Job
	vm  *testmachine.VM
	url string
}

func (l look) all(ctx context.Context, i instance, said answer) error {
	own := answer{InstanceID: i.seed.InstanceID, Cell: i.cell, CellFile: i.cell, Greeting: "100% ready", PID: said.PID}
	if err := l.saw("puma answers with this instance's own values", said == own, fmt.Sprintf("cell %s", said.Cell)); err != nil {
		return err
	}
	steps := []func(context.Context) error{l.lingering, l.ordered, l.repaired, l.monitsOwn, l.restarted, l.powerless}
	if i.limited {
		steps = append(steps, l.limits)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// saw records one thing, and is an error when it did not happen.
func (l look) saw(what string, happened bool, detail string) error {
	l.job.report.check(what, happened, detail)
	if !happened {
		return fmt.Errorf("%s: it did not happen (%s)", what, detail)
	}
	return nil
}

// lingering wants the user manager up and no session of the deploy user.
func (l look) lingering(ctx context.Context) error {
	if err := l.vm.WaitSSH(ctx, testmachine.BuildUser); err != nil {
		return err
	}
	result, err := l.vm.Exec(ctx, "loginctl", "show-user", deployUser, "-p", "State", "-p", "Linger", "-p", "Sessions")
	if err != nil {
		return err
	}
	state := strings.Join(strings.Fields(result.Stdout), " ")
	happened := strings.Contains(state, "State=lingering") && strings.Contains(state, "Linger=yes")
	return l.saw("user manager up, nobody logged in", happened, state)
}

// giveUp kills the service until systemd's start limit (5 starts in 10 s) is
// hit. It signals the service's control group from one shell: a command for
// each kill would be too slow on an emulated machine.
const giveUp = `
g=/sys/fs/cgroup$(systemctl --user show -p ControlGroup --value UNIT)/cgroup.procs
n=0
until [ $((n += 1)) -gt 600 ]; do
  { kill -9 $(<"$g"); } 2>/dev/null
  [ $((n % 20)) = 0 ] && systemctl --user --quiet is-failed UNIT && exit 0
  sleep 0.05
done
exit 1`

// repaired kills puma for good, as far as systemd is concerned: it is monit
// that has to bring it back.
func (l look) repaired(ctx context.Context) error {
	result, err := l.vm.Run(ctx, deployUser, strings.ReplaceAll(giveUp, "UNIT", pumaUnit))
	if err != nil {
		return err
	}
	if err := l.saw("killed until systemd gave up", result.Code == 0, pumaUnit+" failed"); err != nil {
		return err
	}
	start := time.Now()
	if _, err := waitForAnswer(ctx, l.url); err != nil {
		return err
	}
	took := time.Since(start)
	l.job.report.figure("monit.repair_s", took.Seconds(), "s")
	return l.saw("monit brought it back", true, fmt.Sprintf("after %.0f s", took.Seconds()))
}

// monitsOwn wants the id and state of a monit that has worked to be of this
// boot: the image held none.
func (l look) monitsOwn(ctx context.Context) error {
	result, err := l.vm.Exec(ctx, "sh", "-c", "cat /run/monit.id && ! ls /var/lib/monit/id /var/lib/monit/state")
	if err != nil {
		return err
	}
	return l.saw("monit's id and state are not the image's", result.Code == 0, strings.TrimSpace(result.Stdout))
}

// restarted wants another process after `systemctl --user restart` over ssh.
func (l look) restarted(ctx context.Context) error {
	const mainPID = "systemctl --user show -p MainPID --value " + pumaUnit
	result, err := l.vm.Run(ctx, deployUser, mainPID+" && systemctl --user restart "+pumaUnit+" && "+mainPID)
	if err != nil {
		return err
	}
	pids := strings.Fields(result.Stdout)
	other := result.Code == 0 && len(pids) == 2 && pids[0] != pids[1]
	if err := l.saw("restarted over ssh by the deploy user", other, strings.Join(pids, " → ")); err != nil {
		return err
	}
	_, err = waitForAnswer(ctx, l.url)
	return err
}

// powerless wants sudo to refuse the deploy user.
func (l look) powerless(ctx context.Context) error {
	result, err := l.vm.Run(ctx, deployUser, "sudo -n true")
	if err != nil {
		return err
	}
	return l.saw("sudo refuses the deploy user", result.Code != 0, fmt.Sprintf("exit status %d", result.Code))
}

// waitForAnswer asks until the app answers 200.
func waitForAnswer(ctx context.Context, url string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		said, err := ask(ctx, url)
		if err == nil {
			return said, nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return answer{}, fmt.Errorf("no answer from %s within %s: %w", url, patience, last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func ask(ctx context.Context, url string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return answer{}, err
	}
	if response.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("status %d", response.StatusCode)
	}
	var said answer
	err = json.Unmarshal(body, &said)
	return said, err
}
