//go:build acceptance && linux

package acceptance

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/testmachine"
)

const imdsAddress = "169.254.169.254"

// metadataService is AWS's own mock of EC2's, at its real address in one
// container's network, taking requests with tokens only.
type metadataService struct {
	m   *machine
	cmd *exec.Cmd
}

// startMetadata starts the service with the values of testdata/ec2.json.
func startMetadata(m *machine) *metadataService {
	m.t.Helper()
	mock, err := testmachine.BuildTool(shared.ctx, "amazon-ec2-metadata-mock")
	if err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.CommandContext(shared.ctx, "nsenter", "--net="+m.NetNS(), mock, "--config-file", "testdata/ec2.json")
	// It keeps each answer in one variable for all requests (static.Handler):
	// with one thread, none gets another one's.
	cmd.Env = []string{"GOMAXPROCS=1", "HOME=" + m.t.TempDir()}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	s := &metadataService{m: m, cmd: cmd}
	m.t.Cleanup(s.stop)
	return s
}

// stop may be called twice.
func (s *metadataService) stop() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill() // it may have ended
		_ = s.cmd.Wait()         // says that it was killed
	}
}

// takesTokensOnly wants a request without a token refused, or the values would
// prove nothing. The service can also be reached at the machine's own address.
func (s *metadataService) takesTokensOnly() {
	s.m.t.Helper()
	url := "http://" + s.m.Addr() + "/latest/meta-data/instance-id"
	request, err := http.NewRequestWithContext(shared.ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		s.m.t.Fatal(err)
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		s.m.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		s.m.t.Errorf("without a token the service answers with status %d", response.StatusCode)
	}
}

// bakeForEC2 is a machine whose values come from EC2's metadata service, and that
// has the service's address for itself.
func bakeForEC2(t *testing.T, name string) *machine {
	t.Helper()
	files, err := appFiles()
	if err != nil {
		t.Fatal(err)
	}
	files[databaseURLPath] = databaseURL
	m := boot(t, testmachine.RootOptions{
		Name: name, Lower: theDeployed(t), Files: files, Loopback: []string{imdsAddress + "/32"},
	})
	mustBuild(t, "testdata/templates/ec2", m.Addr(), nil)
	return m
}

// TestEC2 boots an instance whose values come from EC2's metadata service,
// then one that finds no service, and lets the service come back.
func TestEC2(t *testing.T) {
	t.Parallel()
	m := bakeForEC2(t, "ec2")
	service := startMetadata(m)
	m.reboot()
	if said := m.waitForAnswer(); said.InstanceID != "i-0123456789abcdef0" || said.Cell != "north" || said.CellFile != "north" {
		t.Errorf("the app got %+v", said)
	}
	m.hasEC2Values()
	m.noFailedUnits()
	service.takesTokensOnly()
	figure("ec2.hook_s", m.verdict().Seconds, "s")

	service.stop()
	m.reboot()
	m.staysDownWithoutMetadata()

	startMetadata(m)
	if said := m.waitForAnswer(); said.Cell != "north" {
		t.Errorf("the app got %+v", said)
	}
	m.noFailedUnits()
}

// verdict is the hook's latest.
func (m *machine) verdict() instance.Verdict {
	m.t.Helper()
	var v instance.Verdict
	if err := json.Unmarshal([]byte(m.root("cat", "/run/deployhost/instance.json")), &v); err != nil {
		m.t.Fatal(err)
	}
	return v
}

// hasEC2Values reads what the services' EnvironmentFile gives.
func (m *machine) hasEC2Values() {
	m.t.Helper()
	env := m.deploy("deployhost exec shop -- env --null")
	got := map[string]string{}
	for pair := range strings.SplitSeq(env, "\x00") {
		name, value, _ := strings.Cut(pair, "=")
		got[name] = value
	}
	for name, want := range map[string]string{
		"INSTANCE_ID": "i-0123456789abcdef0", "REGION": "eu-central-1", "ZONE": "eu-central-1b", "INSTANCE_TYPE": "c7g.large",
		"PUBLIC_IP": "192.0.2.80", "PRIVATE_IP": "172.31.5.6", "SUBNET": "subnet-0123", "ACCOUNT": "210987654321",
		"CELL": "north", "LABEL": "it's \"50%\" off $HOME\nSECOND=line", "OWNER": "nobody", "SECOND": "",
		"AMI": "ami-0a887e401f7654935", "LIFE_CYCLE": "on-demand", "MAC": "0e:49:61:0f:c3:11", "ZONE_ID": "use1-az4",
		"GROUP": "a-placement-group", "RESERVATION": "r-046cb3eca3e201d2f", "SECURITY_GROUPS": "ura-launch-wizard-harry-1",
		"DOMAIN": "amazonaws.com", "PARTITION": "aws",
	} {
		if got[name] != want {
			m.t.Errorf("%s is %q, not %q", name, got[name], want)
		}
	}
	if v := m.verdict(); !v.OK || v.Source != "ec2" || v.InstanceID != "i-0123456789abcdef0" {
		m.t.Errorf("the hook's verdict is %+v", v)
	}
}

// staysDownWithoutMetadata wants the hook to fail in its time, and people to
// be able to look why.
func (m *machine) staysDownWithoutMetadata() {
	m.t.Helper()
	if user := m.deploy("id -un"); user != deployUser {
		m.t.Errorf("ssh gives %s", user)
	}
	if v := m.verdict(); v.OK || v.Seconds > 3.5 {
		m.t.Errorf("the hook, which has 3 s, says %+v", v)
	}
	if state := m.showSystem(hookUnit, "ActiveState"); state == "active" {
		m.t.Errorf("the hook is %s without a metadata service", state)
	}
	if state := m.show(pumaUnit, "ActiveState"); state == "active" || m.show(pumaUnit, "MainPID") != "0" {
		m.t.Errorf("puma is %s without its values", state)
	}
	m.absent("/run/deployhost/shop/env", "/run/deployhost/shop/config/cell.yml")
	if told := m.statusProblems(); !strings.Contains(told, imdsAddress) || !strings.Contains(told, "refused") {
		m.t.Errorf("deployhost status does not say why:\n%s", told)
	}
}
