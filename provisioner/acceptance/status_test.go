//go:build acceptance && linux

package acceptance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/status"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

// A screenful is what a terminal shows at once: the least that there is, and
// what people have.
const (
	smallScreen   = 24
	screen        = 40
	screenColumns = 80
)

// TestStatusOfAnApp follows one app through bad times. Each advice is done as it
// is given, and has to help.
func TestStatusOfAnApp(t *testing.T) {
	t.Parallel()
	m := bootInstance(t, theDeployed(t), "status", map[string]any{"cell": "north"}, provided())
	m.waitForAnswer()
	m.monitWatches()
	m.statusIsWell()
	m.statusWithoutMonit()
	m.statusAtStartLimit()
	m.statusWithoutManager()
	m.do(m.problem(m.statusAs(asRoot), status.MonitIsDown))
	m.wellAgain()
}

// TestStatusBeforeADeploy begins with an instance that lacks a required value.
func TestStatusBeforeADeploy(t *testing.T) {
	t.Parallel()
	m := bootInstance(t, theBaked(t).lower, "status-fresh", nil, nil)
	for _, as := range everybody {
		report := m.statusAs(as)
		if p := m.problem(report, status.HookHasFailed); p.About != "DATABASE_URL" || report.FirstBoot.State != status.HookFailed {
			t.Errorf("%s: the hook is %s for %+v", as, report.FirstBoot.State, p)
		}
		m.problems(report, status.HookHasFailed)
	}
	m.root("sh", "-c", "mkdir -p /etc/shop && printf %s '"+databaseURL+"' >"+databaseURLPath)
	m.do(m.problem(m.statusAs(asRoot), status.HookHasFailed))
	for _, as := range everybody {
		report := m.statusAs(as)
		m.problems(report)
		if app := report.Apps[0]; app.Deployed != status.NotDeployed || app.Values != status.ValuesThere || app.Watched != status.WatchedNotYet {
			t.Errorf("%s: %+v", as, app)
		}
	}
	m.deploy("ln -s releases/gone ~/apps/shop/current")
	m.problems(m.statusAs(asUser), status.CurrentDangles)
	m.strangerGetsASentence()
}

// TestStatusOnEveryRelease reads what systemd, monit and journalctl of each
// release say.
func TestStatusOnEveryRelease(t *testing.T) {
	t.Parallel()
	for _, suite := range testmachine.Suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			m := boot(t, testmachine.RootOptions{
				Name: "status-" + suite, Lower: theOrderImages(t, suite).bare, Files: map[string]string{secretPath: "there"},
			})
			m.wellAgain()
			for _, as := range everybody {
				report := m.statusAs(as)
				m.problems(report)
				for _, s := range report.Apps[0].Services {
					if s.ActiveState != "active" || s.UnitFileState != "enabled" || s.Since.IsZero() || (as == asRoot) != (s.Monit != nil) {
						t.Errorf("%s: %+v", as, s)
					}
				}
			}
			m.deploy("systemctl --user stop tiny_web_production.service")
			for _, as := range everybody {
				report := m.statusAs(as)
				m.problems(report, status.ServiceStopped)
				if web := report.Apps[0].Services[0]; web.Log == nil || len(web.Log.Lines) == 0 || web.Log.Error != "" {
					t.Errorf("%s: %+v", as, web.Log)
				}
			}
			m.do(m.problem(m.statusAs(asRoot), status.ServiceStopped))
			m.problems(m.statusAs(asUser))
		})
	}
}

// asker is how a command is run.
type asker string

const (
	asRoot asker = "root"
	// asUser is over ssh, which starts the user's manager.
	asUser asker = "deploy"
)

var everybody = []asker{asRoot, asUser}

func (m *machine) ran(result testmachine.Result, err error) testmachine.Result {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
	return result
}

func (m *machine) run(as asker, command string) testmachine.Result {
	m.t.Helper()
	if as == asRoot {
		return m.ran(m.Exec(shared.ctx, "sh", "-c", command))
	}
	return m.ran(m.Run(shared.ctx, deployUser, command))
}

// statusAs is the report in both forms: neither holds a secret, or what a
// terminal obeys, and the exit status says the same.
func (m *machine) statusAs(as asker) status.Report {
	m.t.Helper()
	machine := m.run(as, "deployhost status --json")
	dec := json.NewDecoder(strings.NewReader(machine.Stdout))
	dec.DisallowUnknownFields()
	var report status.Report
	if err := dec.Decode(&report); err != nil {
		m.t.Fatalf("%v: %s%s", err, machine.Stdout, machine.Stderr)
	}
	human := m.run(as, "deployhost status")
	for _, text := range []string{machine.Stdout, human.Stdout} {
		if strings.Contains(text, databaseURL) {
			m.t.Errorf("%s is shown the secret:\n%s", as, text)
		}
		if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			m.t.Errorf("%s gets %q", as, text[i:])
		}
	}
	if want := map[bool]int{true: 0, false: 1}[report.OK]; machine.Code != want || machine.Stderr != "" {
		m.t.Errorf("%s: ok=%t, exit status %d, %s", as, report.OK, machine.Code, machine.Stderr)
	}
	return report
}

// problems wants just these kinds.
func (m *machine) problems(report status.Report, want ...status.ID) {
	m.t.Helper()
	var got []status.ID
	for _, p := range report.Problems {
		got = append(got, p.ID)
		if p.Do == "" || p.What == "" || strings.ContainsRune(p.Do+p.What, '\n') {
			m.t.Errorf("not a line on what, or on what to do: %+v", p)
		}
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("as %s the problems are %q, not %q: %+v", report.AskedBy, got, want, report.Problems)
	}
}

func (m *machine) problem(report status.Report, id status.ID) status.Problem {
	m.t.Helper()
	i := slices.IndexFunc(report.Problems, func(p status.Problem) bool { return p.ID == id })
	if i < 0 {
		m.t.Fatalf("as %s there is no %s: %+v", report.AskedBy, id, report.Problems)
	}
	return report.Problems[i]
}

// do runs the commands of an advice to root, as they are.
func (m *machine) do(p status.Problem) {
	m.t.Helper()
	if len(p.Run) == 0 || p.RunAs != status.Root {
		m.t.Fatalf("no commands for root: %+v", p)
	}
	for _, command := range p.Run {
		m.root("sh", "-c", command)
	}
}

func (m *machine) statusIsWell() {
	m.t.Helper()
	for _, as := range everybody {
		report := m.statusAs(as)
		m.problems(report)
		puma := report.Apps[0].Services[0]
		if puma.ActiveState != "active" || puma.Since.IsZero() || puma.Health == nil || !puma.Health.OK ||
			puma.Socket == nil || puma.Socket.ActiveState != "active" || puma.UnitFileState != "enabled" {
			m.t.Errorf("%s: puma is %+v", as, puma)
		}
		if r := report.Ruby; r == nil || r.State != status.RubyWorks || !strings.HasPrefix(r.Runs, "ruby 3.1") || !slices.Contains(r.Installed, "3.1") {
			m.t.Errorf("%s: Ruby is %+v", as, report.Ruby)
		}
		if u := report.User; !u.Lingering || u.Manager != "running" || u.ManagerSince.IsZero() {
			m.t.Errorf("%s: the user is %+v", as, u)
		}
		m.valuesAreShown(report)
		view, seen := status.MonitRootOnly, puma.Monit != nil
		if as == asRoot {
			view, seen = status.MonitSeen, !seen
		}
		if report.Monit.View != view || seen {
			m.t.Errorf("%s: monit is %+v, of puma %+v", as, report.Monit, puma.Monit)
		}
		began := time.Now()
		m.isOneScreen(as, smallScreen)
		figure("status."+string(as)+"_s", time.Since(began).Seconds(), "s") // the deploy user's with its login
	}
	m.strangerGetsASentence()
}

func (m *machine) valuesAreShown(report status.Report) {
	m.t.Helper()
	got := map[string]string{}
	for _, v := range report.FirstBoot.Values {
		got[v.Name] = fmt.Sprintf("%s %d %t", v.From, v.Bytes, v.Sensitive)
		if v.Text != nil {
			got[v.Name] += " " + *v.Text
		}
	}
	for name, want := range map[string]string{
		"CELL":         "metadata:cell 5 false north",
		"DATABASE_URL": fmt.Sprintf("file:%s %d true", databaseURLPath, len(databaseURL)),
	} {
		if got[name] != want {
			m.t.Errorf("%s is shown as %q, not %q", name, got[name], want)
		}
	}
	if f := report.FirstBoot; f.State != status.HookSucceeded || f.Attempt != 1 || f.InstanceID == "" || f.At.IsZero() {
		m.t.Errorf("the hook is %+v", f)
	}
}

func (m *machine) isOneScreen(as asker, most int) {
	m.t.Helper()
	lines := strings.Split(m.run(as, "deployhost status").Stdout, "\n")
	if len(lines) > most {
		m.t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > screenColumns {
			m.t.Errorf("more than %d columns: %s", screenColumns, line)
		}
	}
}

func (m *machine) statusWithoutMonit() {
	m.t.Helper()
	m.root("systemctl", "stop", "monit.service")
	for _, as := range everybody {
		m.problems(m.statusAs(as), status.MonitIsDown)
	}
}

// statusAtStartLimit has an app that tells the secret, colours and worse.
func (m *machine) statusAtStartLimit() {
	m.t.Helper()
	const limit = "~/.config/systemd/user/" + pumaUnit + ".d"
	// However slow the machine is.
	m.deploy("mkdir -p " + limit + " && printf '[Unit]\\nStartLimitIntervalSec=1h\\nStartLimitBurst=2\\n' >" + limit + "/limit.conf && systemctl --user daemon-reload" +
		" && cd ~/apps/shop/shared && cp puma.rb sound.rb && " +
		`printf 'warn "\\e[31mred\\e[0m \\e]0;title\\a \\u202e #{ENV["DATABASE_URL"]}"; abort "boom"' >puma.rb`)
	m.run(asUser, "systemctl --user restart "+pumaUnit)
	eventually(m.t, time.Minute, func() error {
		if state := m.show(pumaUnit, "ActiveState"); state != "failed" {
			return fmt.Errorf("puma is %s", state)
		}
		return nil
	})
	for _, as := range everybody {
		report := m.statusAs(as)
		m.problems(report, status.ServiceFailed, status.MonitIsDown)
		puma := report.Apps[0].Services[0]
		if puma.Log == nil || puma.Exit == nil || puma.Exit.Code != "exited" || puma.Exit.Status != 1 {
			m.t.Fatalf("%s: puma is %+v", as, puma)
		}
		said := fmt.Sprint(puma.Log.Lines)
		if !strings.Contains(said, "boom") || !strings.Contains(said, "red ") || !strings.Contains(said, "(hidden)") {
			m.t.Errorf("%s: the log is %+v", as, puma.Log)
		}
	}
	m.deploy("mv ~/apps/shop/shared/sound.rb ~/apps/shop/shared/puma.rb")
	m.do(m.problem(m.statusAs(asRoot), status.ServiceFailed))
	m.waitForAnswer()
	m.deploy("rm -r " + limit + " && systemctl --user daemon-reload")
}

// statusWithoutManager asks as the deploy user without logging in, which would
// start the manager; asking must not.
func (m *machine) statusWithoutManager() {
	m.t.Helper()
	m.root("systemctl", "stop", managerUnit)
	report := m.statusAs(asRoot)
	m.problems(report, status.ManagerIsOff, status.MonitIsDown)
	told := m.ran(m.Exec(shared.ctx, "setpriv", "--reuid=deploy", "--regid=deploy", "--init-groups", "deployhost", "status", "--json"))
	if !strings.Contains(told.Stdout, `"id": "manager_off"`) || told.Code != 1 {
		m.t.Errorf("the deploy user is told %d, %s%s", told.Code, told.Stdout, told.Stderr)
	}
	if state := m.showSystem(managerUnit, "ActiveState"); state != "inactive" {
		m.t.Errorf("asking made the manager %s", state)
	}
	m.do(m.problem(report, status.ManagerIsOff))
	m.waitForAnswer()
}

// statusShowsFileLogs has two apps with seven services, of which one that logs
// to a file is killed while it stops.
func (m *machine) statusShowsFileLogs() {
	m.t.Helper()
	m.problems(m.statusAs(asUser))
	m.isOneScreen(asUser, screen)
	m.deploy("systemctl --user --no-block stop " + slowUnit + " && systemctl --user kill --signal=KILL " + slowUnit)
	eventually(m.t, 20*time.Second, func() error {
		if state := m.show(slowUnit, "ActiveState"); state != "failed" {
			return fmt.Errorf("the killed service is %s", state)
		}
		return nil
	})
	for _, as := range everybody {
		report := m.statusAs(as)
		m.problems(report, status.ServiceFailed)
		i := slices.IndexFunc(report.Apps[1].Services, func(s status.Service) bool { return s.Name == slowUnit })
		slow := report.Apps[1].Services[i]
		if slow.Log == nil || slow.Log.File != slowLog || len(slow.Log.Lines) == 0 || !strings.HasPrefix(slow.Log.Lines[0].Text, "line ") {
			m.t.Errorf("%s: %+v", as, slow.Log)
		}
		if slow.Exit == nil || *slow.Exit != (status.Exit{Code: "killed", Status: 9}) {
			m.t.Errorf("%s: %+v", as, slow)
		}
	}
	m.do(m.problem(m.statusAs(asRoot), status.ServiceFailed))
	m.becomesActive(slowUnit)
}

// wellAgain waits for monit's first round, in which it reads the pid file.
func (m *machine) wellAgain() {
	m.t.Helper()
	eventually(m.t, 30*time.Second, func() error {
		if result := m.run(asRoot, "deployhost status"); result.Code != 0 {
			return fmt.Errorf("not well: %s", result.Stdout)
		}
		return nil
	})
}

func (m *machine) strangerGetsASentence() {
	m.t.Helper()
	result := m.ran(m.Run(shared.ctx, testmachine.BuildUser, "deployhost status"))
	if result.Code != 2 || !strings.Contains(result.Stderr, "log in as deploy") || result.Stdout != "" {
		m.t.Errorf("%d: %s%s", result.Code, result.Stdout, result.Stderr)
	}
}
