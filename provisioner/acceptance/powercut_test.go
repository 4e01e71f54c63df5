//go:build acceptance && linux

package acceptance

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const (
	cutDir    = "/srv/powercut"
	cutOutput = cutDir + "/output"
	cutToken  = "/etc/powercut/token"
	hookTool  = blueprint.ToolPath
)

const asDeploy = "setpriv --reuid=deploy --regid=deploy --init-groups env XDG_RUNTIME_DIR=/run/user/2000 "

const (
	// forget has the services end that an earlier run may have started, and
	// removes what they have told of themselves.
	forget   = asDeploy + "systemctl --user stop powercut@shop powercut@blog && rm -f " + cutOutput + "/* && "
	startCut = asDeploy + "systemctl --user start powercut@shop powercut@blog"
)

// cutApps are the apps whose values are cut off while they are written.
var cutApps = []string{"shop", "blog"}

// TestPowerCut kills the hook right before each change that it makes below
// /run, and looks: there are all right values or none, never half of them, for
// systemd as for whoever reads the files, and the next run makes it whole.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	began := time.Now()
	m := bootCut(t)
	c := &powerCut{machine: m}
	t.Cleanup(func() {
		figure("powercut.points", c.points, "count")
		figure("powercut.half_written", c.half, "count")
		figure("powercut.took_s", int(time.Since(began).Seconds()), "s")
	})
	c.each("first", c.nothing, c.provide)
	c.each("second", c.complete, c.provide)
	c.each("failing", c.complete, func(string) { c.root("rm", "-f", cutToken) })
	t.Logf("%d points, %d half written", c.points, c.half)
	if c.points < 60 {
		t.Errorf("only %d points", c.points)
	}
	c.underSystemd()
	for _, n := range []int{1, 9, 17, 25, 33, 41} {
		c.whileBooting(n)
	}
}

func bootCut(t *testing.T) *machine {
	t.Helper()
	unit, err := os.ReadFile("testdata/powercut/powercut@.service")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := json.Marshal(cutRules())
	if err != nil {
		t.Fatal(err)
	}
	m := boot(t, testmachine.RootOptions{Name: "powercut", Lower: theBaked(t).lower, Files: map[string]string{
		blueprint.InstanceRulesPath:           string(rules),
		"/etc/systemd/user/powercut@.service": string(unit),
		cutToken:                              "boot",
		cutOutput + "/.keep":                  "",
	}})
	m.install(cutDir+"/witness", buildProgram(t, "./testdata/escape/witness"))
	m.install(cutDir+"/powercut", buildProgram(t, "./testdata/powercut"))
	m.root("chown", deployUser, cutOutput)
	return m
}

// cutRules have the same value in several files of two apps.
func cutRules() instance.Rules {
	rules := instance.Rules{
		Format: instance.Format,
		User:   blueprint.User{Name: deployUser, UID: 2000, GID: 2000, Home: "/home/deploy", Shell: "/bin/bash"},
		Cloud:  "none", TimeoutSeconds: 15,
		Values: []instance.Value{{Name: "TOKEN", From: "file:" + cutToken, Required: true}},
	}
	for _, app := range cutApps {
		rules.Apps = append(rules.Apps, instance.AppRules{
			Name: app, Current: cutDir, Units: []string{"powercut@" + app + ".service"}, Monit: app == "shop",
		})
		rules.Files = append(rules.Files, instance.File{App: app, Path: "config/token.yml", Template: tokenFile("${TOKEN}")})
	}
	return rules
}

// powerCut is a machine whose hook is killed.
type powerCut struct {
	*machine
	points, half int
}

// each kills the hook at its first change, then at its second, and so on until
// it survives. before makes what an earlier run has left, with one token, and
// change is what differs for the run that is killed, with another.
func (c *powerCut) each(what string, before, change func(token string)) {
	c.t.Helper()
	for n := 1; ; n++ {
		old, token := fmt.Sprintf("old-%s-%d", what, n), fmt.Sprintf("new-%s-%d", what, n)
		before(old)
		change(token)
		at := c.cut(n)
		c.look(what+": "+at, old, token)
		c.complete(token)
		c.whole(what+": after "+at, token)
		if !strings.HasPrefix(at, "killed") {
			return
		}
		if what == "first" {
			c.startedLate(at, token)
		}
		if c.points++; c.points > 500 {
			c.t.Fatal("the hook never comes to its end")
		}
	}
}

// nothing is how a boot finds /run.
func (c *powerCut) nothing(string) {
	c.t.Helper()
	c.root("sh", "-c", forget+"rm -rf /run/deployhost /run/.deployhost /run/deployhost-monit /run/deployhost-instance.lock")
}

// complete is a run that comes to its end.
func (c *powerCut) complete(token string) {
	c.t.Helper()
	c.root("sh", "-c", forget+`printf %s "$1" >"$2" && exec "$3" instance`, "complete", token, cutToken, hookTool)
}

func tokenFile(token string) string { return "token: " + token + "\n" }

func (c *powerCut) provide(token string) {
	c.t.Helper()
	c.root("sh", "-c", `printf %s "$1" >"$2"`, "provide", token, cutToken)
}

// cut runs the hook up to its n-th change, and says which that would have been.
func (c *powerCut) cut(n int) string {
	c.t.Helper()
	return c.root(cutDir+"/powercut", fmt.Sprint(n), hookTool, "instance")
}

// look wants all of one token, everywhere, or nothing.
func (c *powerCut) look(at, old, token string) {
	c.t.Helper()
	found, has := c.runTree(), ""
	for _, one := range []string{"", old, token} {
		if one == "" && found.empty() || one != "" && found.holds(one) == nil {
			has = one
			break
		}
		has = "half"
	}
	if has == "half" {
		c.t.Errorf("%s: half written:\n%s", at, found)
		c.half++
		return
	}
	// What fails is found by what it does not write.
	if _, err := c.Exec(shared.ctx, "sh", "-c", forget+startCut); err != nil {
		c.t.Fatal(err)
	}
	for _, app := range cutApps {
		environ, file := c.told(app)
		right := has != "" && environ == has && file == tokenFile(has)
		nothing := has == "" && environ == "" && file == ""
		if !right && !nothing {
			c.t.Errorf("%s: there is %q, but %s was started with %q and found %q", at, has, app, environ, file)
			c.half++
		}
	}
}

// told is what an app's service was started with: its environment's token and
// its file, both empty when it was not started.
func (c *powerCut) told(app string) (environ, file string) {
	c.t.Helper()
	read := func(suffix string) string {
		data, err := os.ReadFile(path.Join(c.RootDir(), cutOutput, app) + suffix) // the machine's users make no links there
		if err != nil && !os.IsNotExist(err) {
			c.t.Fatal(err)
		}
		return string(data)
	}
	for _, assignment := range strings.Split(read(".environ"), "\x00") {
		if token, ok := strings.CutPrefix(assignment, "TOKEN="); ok {
			environ = token
		}
	}
	return environ, read(".file")
}

// startedLate wants the services that the killed run would have started.
func (c *powerCut) startedLate(at, token string) {
	c.t.Helper()
	for _, app := range cutApps {
		eventually(c.t, 20*time.Second, func() error {
			if environ, file := c.told(app); environ != token || file == "" {
				return fmt.Errorf("%s: %s was started with %q and found %q", at, app, environ, file)
			}
			return nil
		})
	}
}

// whole wants all of a token and nothing else, no temporary file either.
func (c *powerCut) whole(at, token string) {
	c.t.Helper()
	found := c.runTree()
	if err := found.holds(token); err != nil {
		c.t.Errorf("%s: %v:\n%s", at, err, found)
		c.half++
	}
	if target := found["deployhost-monit/shop.conf"].content; target != blueprint.MonitDir+"/shop.conf" {
		c.t.Errorf("%s: monit's link leads to %q", at, target)
	}
	for name := range found {
		switch top, _, _ := strings.Cut(name, "/"); top {
		case "deployhost", "deployhost-monit", "deployhost-instance.lock":
		default:
			c.t.Errorf("%s: %s is left", at, name)
		}
	}
}

// underSystemd kills the hook of the real unit once: systemd tries again.
func (c *powerCut) underSystemd() {
	c.t.Helper()
	c.complete("old-unit")
	c.provide("new-unit")
	c.dropIn("/run", "once.conf")
	c.root("systemctl", "daemon-reload")
	if result, err := c.Exec(shared.ctx, "systemctl", "restart", hookUnit); err != nil {
		c.t.Fatal(err)
	} else if result.Code == 0 {
		c.t.Error("the killed hook counts as a success")
	}
	c.look("under systemd", "old-unit", "new-unit")
	eventually(c.t, 30*time.Second, func() error { return c.runTree().holds("new-unit") })
	if restarts := c.showSystem(hookUnit, "NRestarts"); restarts != "1" {
		c.t.Errorf("systemd has tried again %s times", restarts)
	}
}

// dropIn gives the hook's unit one of testdata/powercut, for this boot (/run) or
// for good (/etc).
func (c *powerCut) dropIn(top, name string) {
	c.t.Helper()
	conf, err := os.ReadFile("testdata/powercut/" + name)
	if err != nil {
		c.t.Fatal(err)
	}
	c.root("sh", "-c", `mkdir -p "${1%/*}" && printf %s "$2" >"$1"`, "drop-in", top+"/systemd/system/"+hookUnit+".d/"+name, string(conf))
}

// whileBooting kills the hook at its n-th change of a boot, and the machine with
// it: no service ends, nothing is written back, and the next boot comes.
func (c *powerCut) whileBooting(n int) {
	c.t.Helper()
	old, token := fmt.Sprintf("old-power-%d", n), fmt.Sprintf("new-power-%d", n)
	c.complete(old)
	c.provide(token)
	c.dropIn("/etc", "power.conf")
	c.root("sh", "-c", `echo "$1" >"$2"`, "power", fmt.Sprint(n), cutDir+"/cut")
	before := c.Boots()
	if err := c.Reboot(shared.ctx); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, time.Minute, func() error {
		if boots := c.Boots() - before; boots != 2 {
			return fmt.Errorf("there were %d boots", boots)
		}
		return nil
	})
	c.waitUp()
	at := c.root("cat", cutDir+"/last")
	if !strings.HasPrefix(at, "killed") {
		c.t.Errorf("at change %d of a boot the hook %s", n, at)
	}
	c.points++
	eventually(c.t, 30*time.Second, func() error { return c.runTree().holds(token) })
	c.whole("after a power cut: "+at, token)
	c.look("after a power cut: "+at, old, token)
}
