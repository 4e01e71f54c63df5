//go:build acceptance && linux

package acceptance

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

var hostileSeed = flag.Uint64("hostile.seed", 0, "seed of the values that TestHostileMetadata makes, to have a run's once more; 0 for new ones")

const (
	hostileDir    = "/srv/hostile"
	hostileOutput = hostileDir + "/output"
	hostilePwned  = hostileDir + "/pwned"
	// inTheSeed are read by cloud-init at boot, the others in rounds afterwards.
	inTheSeed, hostileRounds, perRound = 1500, 4, 2300
	leastHostile                       = 10_000
)

// TestHostileMetadata gives an instance tags as an attacker would write them,
// through cloud-init and the real hook into the real user manager's services.
// Every value arrives byte for byte or is refused by rule; none is run, breaks
// another one or is told to anybody else.
func TestHostileMetadata(t *testing.T) {
	t.Parallel()
	seed := seedOf(t, "hostile.seed", *hostileSeed)
	began := time.Now()
	source := &hostileSource{valueSource: newValueSource(t, seed, 0)}
	source.mark = fmt.Sprintf("Zq%08xqZ", source.Uint32())
	h := &hostileTrial{t: t, hostileSource: source}
	first := h.round("seed", inTheSeed, source.inSeed, nil)
	h.boot(first)
	watch := watchCommandLines(source.mark)
	h.compare(first)
	for i := range hostileRounds {
		r := h.round(fmt.Sprintf("round%d-", i), perRound, source.inData, source.odd())
		h.put(r)
		h.compare(r)
	}
	h.bombs()
	for _, line := range watch.stop() {
		h.escape("a process is called %s", shortened(line))
	}
	h.nowhereElse()
	figure("hostile.values", h.values, "count")
	figure("hostile.refused", h.refused, "count")
	figure("hostile.mismatches", h.mismatches, "count")
	figure("hostile.escaped", h.escaped, "count")
	figure("hostile.took_s", int(time.Since(began).Seconds()), "s")
	t.Logf("%d values, %d of them refused, %d mismatches, %d escaped", h.values, h.refused, h.mismatches, h.escaped)
	if h.values < leastHostile || h.refused < leastHostile/100 {
		t.Errorf("only %d values, %d refused", h.values, h.refused)
	}
}

// hostileRound is what the hook gets at one time: some hundred values each for
// many apps, since one environment file has 64 KiB at most.
type hostileRound struct {
	rules instance.Rules
	// apps are the values by app.
	apps map[string][]hostileValue
	tags string
}

// round makes values and shares them out. Among each app's are canaries.
func (h *hostileTrial) round(name string, count int, next func() hostileValue, values []hostileValue) hostileRound {
	for len(values) < count {
		values = append(values, next())
	}
	r := hostileRound{rules: hookRules(), apps: map[string][]hostileValue{}}
	var all []hostileValue
	for len(values) > 0 {
		app := fmt.Sprintf("%s%d", name, len(r.apps))
		mine := []hostileValue{h.canary()}
		for size := 0; len(values) > 0 && len(mine) < 120; values = values[1:] {
			value, _ := values[0].arrives()
			if size += len(values[0].name) + 2*len(value); size > 60_000 {
				break
			}
			if mine = append(mine, values[0]); len(mine) == 50 {
				mine = append(mine, h.canary())
			}
		}
		mine = append(mine, h.canary())
		for _, v := range mine {
			if v.encoded {
				h.encoded = append(h.encoded, v.name)
			}
		}
		r.add(app, mine)
		all = append(all, mine...)
	}
	r.tags = tags(all, name != "seed")
	return r
}

func hookRules() instance.Rules {
	return instance.Rules{
		Format: instance.Format, Cloud: "cloud-init", TimeoutSeconds: 15,
		User: blueprint.User{Name: deployUser, UID: 2000, GID: 2000, Home: "/home/deploy", Shell: "/bin/bash"},
	}
}

// add has rules for an app's values, and a file with all that are always there.
func (r *hostileRound) add(app string, values []hostileValue) {
	r.rules.Apps = append(r.rules.Apps, instance.AppRules{Name: app, Current: "/nowhere"})
	var template strings.Builder
	for _, v := range values {
		rule := instance.Value{Name: v.name, From: "tag:" + v.name, Required: v.canary, Apps: []string{app}}
		if v.fallback != "" {
			rule.Default = &v.fallback
		}
		r.rules.Values = append(r.rules.Values, rule)
		if rule.Required || rule.Default != nil {
			template.WriteString("$${" + v.name + "} is '${" + v.name + "}'\n")
		}
	}
	r.rules.Files = append(r.rules.Files, instance.File{App: app, Path: "config/all.txt", Template: template.String()})
	r.apps[app] = values
}

// rendered is what has to be in an app's file.
func rendered(values []hostileValue) string {
	var out strings.Builder
	for _, v := range values {
		if value, ok := v.arrives(); ok && (v.canary || v.fallback != "") {
			out.WriteString("${" + v.name + "} is '" + value + "'\n")
		}
	}
	return out.String()
}

// boot has the real cloud-init read the first round from a NoCloud seed.
func (h *hostileTrial) boot(r hostileRound) {
	h.t.Helper()
	unit, err := os.ReadFile("testdata/hostile@.service")
	if err != nil {
		h.t.Fatal(err)
	}
	h.machine = boot(h.t, testmachine.RootOptions{
		Name: "hostile", Lower: theBaked(h.t).lower,
		Seed: &testmachine.Seed{InstanceID: "i-hostile", Hostname: "hostile", MetaData: map[string]any{
			"tags": json.RawMessage(r.tags),
			"bomb": json.RawMessage("1.0e+999"), // cloud-init makes Infinity of it, which is no JSON
		}},
		Files: map[string]string{
			blueprint.InstanceRulesPath:          mustJSON(r.rules),
			"/etc/systemd/user/hostile@.service": string(unit),
			hostileOutput + "/.keep":             "",
			hostilePwned + "/.keep":              "",
			// All of it is to be searched.
			"/etc/systemd/journald.conf.d/all.conf": "[Journal]\nRateLimitIntervalSec=0\nRateLimitBurst=0\n",
		},
	})
	h.install(hostileDir+"/witness", buildProgram(h.t, "./testdata/escape/witness"))
	h.root("chmod", "0777", hostileOutput, hostilePwned)
	if state := h.showSystem(hookUnit, "ActiveState"); state != "active" {
		h.t.Fatalf("the hook is %s at boot:\n%s", state, h.root("journalctl", "--quiet", "--no-pager", "--lines=20", "--unit="+hookUnit))
	}
}

// put has the hook run again with a round in cloud-init's instance data.
func (h *hostileTrial) put(r hostileRound) {
	h.t.Helper()
	h.install(blueprint.InstanceRulesPath, []byte(mustJSON(r.rules)))
	h.putData(h.dataWith(r.tags))
	h.root("systemctl", "restart", hookUnit)
}

// dataWith is what cloud-init has left, with other tags and what else may hurt a reader.
func (h *hostileTrial) dataWith(tags string) string {
	h.t.Helper()
	var data map[string]any
	if h.left == "" {
		h.left = h.rootRaw("cat", instanceData)
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(h.left, "Infinity", "0")), &data); err != nil {
		h.t.Fatal(err)
	}
	const here = "the tags are here"
	data["ds"] = map[string]any{"meta_data": map[string]any{"tags": here}}
	data["base64_encoded_keys"] = h.encodedKeys(tags)
	text := strings.Replace(mustJSON(data), `"`+here+`"`, tags, 1)
	return `{"bomb":` + nested("[", "1e999,NaN", "]", 9000) + `,"wide":[` + strings.Repeat("{},", 100_000) + `-Infinity],` + text[1:]
}

func (h *hostileTrial) putData(text string) {
	h.t.Helper()
	h.install(hostileDir+"/data.json", []byte(text))
	h.root("mv", hostileDir+"/data.json", instanceData)
}
