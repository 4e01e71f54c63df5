//go:build acceptance && linux

package acceptance

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	clockUnit    = "shop_clock_production.service"
	deskUnit     = "desk_puma_production.service"
	minderUnit   = "desk_minder_production.service"
	shopPort     = 3000
	deskPort     = 3001
	laterPort    = 3002
	monitUnit    = "monit.service"
	neverStarted = "later_puma_production.service"
)

// deployed are the services that run; a release was deployed of their apps.
var deployed = []string{pumaUnit, clockUnit, deskUnit, minderUnit}

// repairer is who brings services back.
type repairer string

const (
	nobody    repairer = "nobody"
	bySystemd repairer = "systemd"
	byMonit   repairer = "monit"
	byBoot    repairer = "the boot"
)

// extent is what ends with a trouble as a whole.
type extent int

const (
	services extent = iota
	theManager
	theHost
)

// trouble is what may happen to a host.
type trouble struct {
	name    string
	happens func(m *supervisedMachine)
	// by is who has to repair it; nobody where it is no harm.
	by repairer
	// anew are the services that get started, each of them once.
	anew []string
	// system is the system unit that fails; empty where none does.
	system string
	// also are units that may be touched besides.
	also []string
	ends extent
}

var (
	masterKilled = trouble{name: "master_killed", by: bySystemd, anew: []string{pumaUnit}, happens: func(m *supervisedMachine) {
		m.root("kill", "-KILL", m.show(pumaUnit, "MainPID"))
	}}
	workerHangs    = trouble{name: "hang", by: byMonit, anew: []string{pumaUnit}, happens: breaks("hang")}
	answersError   = trouble{name: "error", by: byMonit, anew: []string{pumaUnit}, happens: (*supervisedMachine).breakWhatStartsSlowly}
	answersWrongly = trouble{name: "wrong_body", by: byMonit, anew: []string{pumaUnit}, happens: breaks("body")}
	// The socket fails with its service.
	atStartLimit  = trouble{name: "start_limit", by: byMonit, anew: []string{pumaUnit}, also: []string{socketUnit}, happens: (*supervisedMachine).crashToTheLimit}
	managerKilled = trouble{name: "manager_killed", by: bySystemd, anew: deployed, system: managerUnit, ends: theManager, happens: func(m *supervisedMachine) {
		m.root("kill", "-KILL", m.showSystem(managerUnit, "MainPID"))
	}}
	loggedInAndOut = trouble{name: "login_logout", by: nobody, happens: (*supervisedMachine).logInAndOut}
	noDeployYet    = trouble{name: "no_deploy", by: nobody, happens: (*supervisedMachine).connectToNothing}
	// The second deploy restarts puma itself.
	deployInProgress = trouble{name: "deploy", by: nobody, anew: []string{pumaUnit}, happens: (*supervisedMachine).deploySlowly}
	monitRestarted   = trouble{name: "monit_restarted", by: nobody, also: []string{monitUnit}, happens: func(m *supervisedMachine) {
		m.root("systemctl", "restart", monitUnit)
	}}
	monitKilled = trouble{name: "monit_killed", by: bySystemd, system: monitUnit, happens: func(m *supervisedMachine) {
		m.root("sh", "-c", "kill -KILL $(cat /run/monit.pid)")
	}}
	rebooted = trouble{name: "reboot", by: byBoot, anew: deployed, ends: theHost, happens: func(m *supervisedMachine) {
		if err := m.Reboot(shared.ctx); err != nil {
			m.t.Fatal(err)
		}
	}}
)

// breaks has the app get broken by a request, until it is started anew.
func breaks(how string) func(m *supervisedMachine) {
	return func(m *supervisedMachine) {
		m.t.Helper()
		if body, err := m.get(shopPort, "/break/"+how); err != nil || body != "broken\n" {
			m.t.Fatalf("the app cannot be broken: %q, %v", body, err)
		}
		if err := m.healthy(shopPort); err == nil {
			m.t.Fatal("the app is not broken")
		}
	}
}

// breakWhatStartsSlowly leaves the app unhealthy for a while after it was
// restarted, which is no reason to do so again.
func (m *supervisedMachine) breakWhatStartsSlowly() {
	m.t.Helper()
	m.slowRelease("current")
	breaks("error")(m)
	m.began = time.Now()
}

// slowRelease has a release of the app take long to start.
func (m *supervisedMachine) slowRelease(dir string) {
	m.t.Helper()
	m.deploy(fmt.Sprintf("mkdir -p ~/apps/shop/%s && echo %f >~/apps/shop/%[1]s/BOOT", dir, m.slow.Seconds()))
}

// killAll kills every process of the unit's control group, as the kernel does
// when memory runs out.
const killAll = `for pid in $(cat "/sys/fs/cgroup$1/cgroup.procs" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done; true`

// killToTheLimit does so until systemd gives up, and tells how many starts that
// took in all, before monit can have made one more.
const killToTheLimit = `for i in $(seq 300); do
	` + killAll + `
	setpriv --reuid=deploy --regid=deploy --init-groups env XDG_RUNTIME_DIR=/run/user/2000 systemctl --user --quiet is-failed "$2" &&
		exec wc -l <"/home/deploy/starts/${2%.service}"
	sleep 0.1
done
exit 1`

// crashToTheLimit is as far as Restart= goes. All starts until then are systemd's.
func (m *supervisedMachine) crashToTheLimit() {
	m.t.Helper()
	starts, err := strconv.Atoi(m.root("sh", "-c", killToTheLimit, "kill", m.show(pumaUnit, "ControlGroup"), pumaUnit))
	if err != nil {
		m.t.Fatal(err)
	}
	m.began = time.Now()
	m.before.started[pumaUnit] = m.started()[pumaUnit][:starts]
}

func (m *supervisedMachine) logInAndOut() {
	m.t.Helper()
	const state = "loginctl show-user " + deployUser + " --value --property=State"
	if state := m.deploy(state); state != "active" {
		m.t.Errorf("while logged in, the deploy user is %s", state)
	}
	eventually(m.t, 30*time.Second, func() error {
		if state := m.root(strings.Fields(state)...); state != "lingering" {
			return fmt.Errorf("the deploy user is still %s", state)
		}
		return nil
	})
}

// connectToNothing wants that to be refused, for an app that was never deployed.
func (m *supervisedMachine) connectToNothing() {
	m.t.Helper()
	if _, err := m.get(laterPort, "/"); !errors.Is(err, syscall.ECONNREFUSED) {
		m.t.Errorf("a connection to an app without a release ends with %v", err)
	}
	if state, started := m.show(neverStarted, "ActiveState"), m.started()[neverStarted]; state != "inactive" || started != nil {
		m.t.Errorf("an app without a release is %s and was started as %v", state, started)
	}
}

// deploySlowly deploys releases that take nearly all the time they have: one
// that a reload brings, and one for which the deploy restarts the service.
func (m *supervisedMachine) deploySlowly() {
	m.t.Helper()
	for i, verb := range []string{"reload-or-restart", "restart"} {
		revision := 2 + i
		m.slowRelease(fmt.Sprintf("releases/%d", revision))
		m.release(revision)
		m.deploy("systemctl --user " + verb + " " + pumaUnit)
		eventually(m.t, time.Minute, func() error {
			body, err := m.get(shopPort, "/revision")
			if err == nil && body != fmt.Sprintln(revision) {
				err = fmt.Errorf("release %s still answers", body)
			}
			return err
		})
	}
}

func (m *supervisedMachine) get(port int, path string) (string, error) {
	return fetch("http://" + net.JoinHostPort(m.Addr(), strconv.Itoa(port)) + path)
}
