//go:build acceptance && linux

package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const slowLog = "/home/deploy/apps/tools/shared/log/slow.log"

// deployReadsItsOwnJournal is over ssh, in no group but its own.
func (m *machine) deployReadsItsOwnJournal() {
	m.t.Helper()
	if groups := m.deploy("id --name --groups"); groups != deployUser {
		m.t.Errorf("the deploy user is in the groups %s", groups)
	}
	eventually(m.t, 20*time.Second, func() error {
		said := m.deploy("journalctl --quiet --user --unit=" + limitedUnit + " --output=json")
		for line := range strings.Lines(said) {
			var entry struct {
				Message    any    `json:"MESSAGE"` // bytes are an array
				Identifier string `json:"SYSLOG_IDENTIFIER"`
			}
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				return err
			}
			if entry.Message == "limited says hello" && entry.Identifier == "tools_limited_production" {
				return nil
			}
		}
		return fmt.Errorf("the deploy user does not see what its service wrote, only %q", said)
	})
	m.deployReadsNobodyElses()
}

func (m *machine) deployReadsNobodyElses() {
	m.t.Helper()
	if result, err := m.Run(shared.ctx, testmachine.BuildUser, "logger not for deploy"); err != nil || result.Code != 0 {
		m.t.Fatal(err, result)
	}
	for _, others := range []string{"_UID=0", "_UID=1000"} {
		if m.root("journalctl", "--quiet", "--lines=1", "--output=cat", others) == "" {
			m.t.Fatalf("the journal has nothing of %s, so it shows nothing", others)
		}
		result, err := m.Run(shared.ctx, deployUser, "journalctl --quiet --output=cat "+others)
		if err != nil || result.Stdout != "" {
			m.t.Errorf("the deploy user reads %s's journal: %q (%v)", others, result.Stdout, err)
		}
	}
}

// fileLogRotates runs what the timer runs, on a day when rotation is due.
func (m *machine) fileLogRotates() {
	m.t.Helper()
	m.root("test", "-s", slowLog)
	m.rotationIsDue()
	m.root("systemctl", "start", "logrotate.service")
	rotated := strings.Fields(m.root("cat", slowLog+".1")) // "line", "1", "line", …
	if rotated[1] != "1" {
		m.t.Errorf("the rotated file begins with line %s, not 1", rotated[1])
	}
	last := number(rotated[len(rotated)-1])
	eventually(m.t, 20*time.Second, func() error {
		// A writer that does not append would go on at its old offset, behind zeros.
		fresh := m.root("head", "--lines=1", slowLog)
		if first := number(strings.TrimPrefix(fresh, "line ")); first <= last {
			return fmt.Errorf("the fresh file begins with %q, the rotated one ends with line %d", fresh, last)
		}
		return nil
	})
	m.rotationIsDue()
	m.root("systemctl", "start", "logrotate.service")
	if first, _, _ := strings.Cut(m.root("zcat", slowLog+".2.gz"), "\n"); first != "line 1" {
		m.t.Errorf("the compressed file begins with %q", first)
	}
}

// rotationIsTheUsers leads the log's directory to one of root's, whose files
// must stay as they are.
func (m *machine) rotationIsTheUsers() {
	m.t.Helper()
	const precious = "/srv/precious/slow.log"
	m.root("install", "-D", "/etc/hostname", precious)
	m.deploy("cd ~/apps/tools/shared && mv log kept && ln -s /srv/precious log")
	m.rotationIsDue()
	if _, err := m.Exec(shared.ctx, "systemctl", "start", "logrotate.service"); err != nil {
		m.t.Fatal(err)
	}
	m.root("cmp", "/etc/hostname", precious)
	if files := m.root("ls", "/srv/precious"); files != "slow.log" {
		m.t.Errorf("rotation wrote where the deploy user must not: %s", files)
	}
	m.deploy("cd ~/apps/tools/shared && rm log && mv kept log")
	m.root("systemctl", "reset-failed", "logrotate.service")
}

// rotationIsDue has logrotate know that it is long ago.
func (m *machine) rotationIsDue() {
	m.t.Helper()
	m.root("sh", "-c", `printf 'logrotate state -- version 2\n"%s" 2020-1-1-0:0:0\n' "$0" >/var/lib/logrotate/status`, slowLog)
}
