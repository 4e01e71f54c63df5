package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/blueprint"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// Run is one attempt of the hook. It leaves either everything that the rules
// ask for below /run or nothing of it, and in both cases the verdict that it
// returns. The error is about the verdict alone, and nil when that was written.
func Run(ctx context.Context, h Host) (*instance.Verdict, error) {
	start := h.Now()
	unlock, err := h.lock()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", lockPath, err)
	}
	defer unlock()
	stage, unfinished, err := h.openStage()
	if err != nil {
		return nil, fmt.Errorf("%s, where an instance's values are made: %w", stageDir, errors.Join(err, h.abandon()))
	}
	defer stage.Close()

	// A verdict that cannot be read tells nothing, as if there were none.
	previous, _ := ReadVerdict(h.Users.Root)
	verdict := &instance.Verdict{Source: "none", Attempt: 1}
	if previous != nil {
		verdict.Attempt = previous.Attempt + 1
	}

	rules, added, err := h.attempt(ctx, stage, verdict)
	verdict.OK = err == nil && len(verdict.Problems) == 0
	if err != nil {
		verdict.Problems = append(verdict.Problems, err.Error())
	}
	if !verdict.OK {
		verdict.Values = nil
		if err := h.withdraw(stage); err != nil {
			verdict.Problems = append(verdict.Problems, err.Error())
		}
	}
	verdict.Seconds = h.Now().Sub(start).Seconds()
	h.tell(verdict)
	err = h.writeVerdict(stage, verdict)
	if err == nil {
		err = h.publish(stage)
	}
	if err != nil {
		return verdict, fmt.Errorf("%s: %w", blueprint.VerdictPath, errors.Join(err, h.abandon()))
	}
	if verdict.OK {
		// Of a run that was killed nobody knows whom it has told.
		h.follow(ctx, rules, added || unfinished, unfinished || previous == nil || !previous.OK)
	}
	h.clearStage()
	return verdict, nil
}

// attempt does all that can make the verdict a bad one. It fills in what it
// learns; an error is one more problem.
func (h Host) attempt(ctx context.Context, stage *os.Root, verdict *instance.Verdict) (rules *instance.Rules, added bool, err error) {
	rules, err = h.rules()
	if err != nil {
		return nil, false, err
	}
	if err := h.Users.Check(rules.User); err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rules.TimeoutSeconds)*time.Second)
	defer cancel()
	from, err := h.sources(ctx, rules, verdict)
	if err != nil {
		return nil, false, err
	}
	from.programs = &execSource{host: h, user: rules.User}
	d := decide(ctx, rules, from)
	verdict.Problems, verdict.Warnings, verdict.Values = d.problems, d.warnings, d.verdicts
	if len(d.problems) > 0 {
		return rules, false, nil
	}
	if err := h.writeOutputs(stage, d.outputs, rules.User.GID); err != nil {
		return nil, false, err
	}
	added, err = h.linkFragments(rules.Apps)
	if err != nil {
		// An app without its watchdog is better than no app.
		verdict.Warnings = append(verdict.Warnings, err.Error())
	}
	return rules, added, nil
}

// sources finds out what this instance can be asked. That takes the network
// only where EC2's metadata service is to answer.
func (h Host) sources(ctx context.Context, rules *instance.Rules, verdict *instance.Verdict) (sources, error) {
	all := sources{cloud: noCloud{}, machine: h.Machine, files: fileSource{root: h.Users.Root}, privateIP: h.Machine}
	switch rules.Cloud {
	case "none":
		return all, nil
	case "ec2":
		return all.withEC2(ctx, h.Dial, rules, verdict)
	}
	data, err := openCloudInit(h.Users.Path)
	missing := errors.Is(err, fs.ErrNotExist)
	lost := missing || err == nil && data.foundNone()
	switch {
	case lost && rules.Cloud == "auto" && onEC2(h.Users.Path):
		return all.withEC2(ctx, h.Dial, rules, verdict)
	case missing && rules.Cloud == "auto":
		return all, nil
	case missing:
		return all, fmt.Errorf("cloud = \"cloud-init\" was asked for, but there is no %s: see `cloud-init status --long` for why "+
			"it did not run in this boot", redactedData)
	case lost && rules.Cloud != "auto":
		return all, errors.New("cloud = \"cloud-init\" was asked for, but cloud-init found no data source in this boot, so it knows nothing " +
			"of this instance: see `cloud-init status --long`")
	case err != nil:
		return all, fmt.Errorf("%w; see `cloud-init status --long` for what it did in this boot", err)
	}
	all.cloud = data
	verdict.Source = "cloud-init"
	all.nameInstance(ctx, verdict)
	return all, nil
}

// tell logs the verdict: names and lengths, never values.
func (h Host) tell(verdict *instance.Verdict) {
	for _, v := range verdict.Values {
		how := ""
		if v.Defaulted {
			how = " by default"
		}
		h.logf("%s from %s%s, %d bytes", v.Name, v.From, how, v.Bytes)
	}
	for _, w := range verdict.Warnings {
		h.logf("warning: %s", w)
	}
	for _, p := range verdict.Problems {
		h.logf("problem: %s", p)
	}
}
