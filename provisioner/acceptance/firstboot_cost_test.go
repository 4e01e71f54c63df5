//go:build acceptance && bench && linux

package acceptance

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// hookProgram is what the hook's unit runs.
const hookProgram = "/usr/local/lib/deployhost/deployhost instance"

// fromQuery is what people write whose values cloud-init knows: one call of
// its own tool for all of them, and no check of any.
const fromQuery = `cloud-init query --format 'INSTANCE_ID="{{v1.instance_id}}"
CELL="{{ds.meta_data.cell}}"
LABEL="{{ds.meta_data.label}}"' >/run/query-env`

// fromCurl is what people write on EC2: a token, then one question after the other.
const fromCurl = `
base=http://169.254.169.254/latest
token=$(curl -fsS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $base/api/token)
ask() { curl -fsS -H "X-aws-ec2-metadata-token: $token" "$base/$1"; }
{
  echo "INSTANCE_ID=\"$(ask meta-data/instance-id)\""
  echo "REGION=\"$(ask meta-data/placement/region)\""
  echo "ZONE=\"$(ask meta-data/placement/availability-zone)\""
  echo "INSTANCE_TYPE=\"$(ask meta-data/instance-type)\""
  echo "PUBLIC_IP=\"$(ask meta-data/public-ipv4)\""
  echo "PRIVATE_IP=\"$(ask meta-data/local-ipv4)\""
  echo "SUBNET=\"$(ask meta-data/network/interfaces/macs/0e:49:61:0f:c3:11/subnet-id)\""
  echo "ACCOUNT=\"$(ask dynamic/instance-identity/document | sed -n 's/.*"accountId" *: *"\([0-9]*\)".*/\1/p')\""
  echo "CELL=\"$(ask meta-data/tags/instance/cell)\""
  echo "LABEL=\"$(ask meta-data/tags/instance/label)\""
  echo "OWNER=\"$(ask meta-data/tags/instance/owner 2>/dev/null || echo nobody)\""
  echo "AMI=\"$(ask meta-data/ami-id)\""
  echo "LIFE_CYCLE=\"$(ask meta-data/instance-life-cycle)\""
  echo "MAC=\"$(ask meta-data/mac)\""
  echo "ZONE_ID=\"$(ask meta-data/placement/availability-zone-id)\""
  echo "GROUP=\"$(ask meta-data/placement/group-name)\""
  echo "RESERVATION=\"$(ask meta-data/reservation-id)\""
  echo "SECURITY_GROUPS=\"$(ask meta-data/security-groups)\""
  echo "DOMAIN=\"$(ask meta-data/services/domain)\""
  echo "PARTITION=\"$(ask meta-data/services/partition)\""
} >/run/curl-env`

// TestCostWithInstanceData measures the hook beside cloud-init's own tool.
func TestCostWithInstanceData(t *testing.T) {
	m := bootInstance(t, theDeployed(t), "cost", map[string]any{"cell": "north", "label": "spring"}, provided())
	m.waitForAnswer()
	hook, query := m.median(hookProgram), m.median(fromQuery)
	figure("firstboot.instance_data_ms", hook, "ms")
	figure("firstboot.cloud_init_query_ms", query, "ms")
	figure("firstboot.cloud_init_query_ratio", query/hook, "x")
}

// TestCostWithEC2 measures the hook beside a shell script, both for the same
// twenty values of the same service.
func TestCostWithEC2(t *testing.T) {
	m := bakeForEC2(t, "cost-ec2")
	m.root("apt-get", "-qq", "update")
	m.root("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "--no-install-recommends", "curl")
	startMetadata(m)
	m.reboot()
	m.waitForAnswer()
	hook, script := m.median(hookProgram), m.median(fromCurl)
	figure("firstboot.imds_ms", hook, "ms")
	figure("firstboot.shell_script_ms", script, "ms")
	figure("firstboot.shell_script_ratio", script/hook, "x")
}

// median is how many milliseconds a shell command takes on the machine, of 21
// runs after one that warms up. It has to succeed each time.
func (m *machine) median(command string) float64 {
	m.t.Helper()
	// EPOCHREALTIME costs no process, which date(1) does.
	told := m.root("bash", "-c", `set -e
run() { eval "$1" >/dev/null; }
run "$1"
for i in {1..21}; do
  began=${EPOCHREALTIME/./}
  run "$1"
  echo $((${EPOCHREALTIME/./} - began))
done`, "median", command)
	var all []float64
	for _, line := range strings.Fields(told) {
		us, err := strconv.Atoi(line)
		if err != nil {
			m.t.Fatal(err)
		}
		all = append(all, float64(us)/1000)
	}
	slices.Sort(all)
	return all[len(all)/2]
}
