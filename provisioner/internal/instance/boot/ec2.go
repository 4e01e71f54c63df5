package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// ec2Paths are below /latest/ ("Instance metadata categories" in AWS's user guide).
var ec2Paths = map[instance.Kind]string{
	instance.Region:       "meta-data/placement/region",
	instance.Zone:         "meta-data/placement/availability-zone",
	instance.InstanceType: "meta-data/instance-type",
	instance.PublicIP:     "meta-data/public-ipv4",
	instance.PrivateIP:    "meta-data/local-ipv4",
}

// ec2 answers from EC2's metadata service.
type ec2 struct {
	service *imds
	id      string
}

// withEC2 waits for the metadata service, unless there is nothing to ask it. A
// service that does not answer fails the hook, as cloud-init's missing data
// does: nobody knows then whether a default is right.
func (s sources) withEC2(ctx context.Context, dial dialer, rules *instance.Rules, verdict *instance.Verdict) (sources, error) {
	e := &ec2{service: newIMDS(dial)}
	// EC2 knows the address before the network does.
	s.cloud, s.privateIP = e, e
	if !s.asks(e, rules.Values) {
		return s, nil
	}
	verdict.Source = "ec2"
	if err := e.open(ctx); err != nil {
		return s, err
	}
	s.nameInstance(ctx, verdict)
	return s, nil
}

// open waits until the service gives the instance's id, which every instance has.
func (e *ec2) open(ctx context.Context) error {
	id, err := e.service.get(ctx, "meta-data/instance-id")
	if err == nil && id == "" {
		err = fmt.Errorf("what answers at %s knows no instance-id, so it is not EC2's metadata service", imdsHost)
	}
	e.id = id
	return err
}

func (e *ec2) lookup(ctx context.Context, from instance.From) (string, error) {
	if from.Kind == instance.CloudInit {
		return "", nil // it left nothing, or it would have been asked
	}
	if err := instance.CheckEC2(from); err != nil {
		return "", err
	}
	switch from.Kind {
	case instance.InstanceID:
		return e.id, nil
	case instance.Tag:
		return e.service.get(ctx, "meta-data/tags/instance/"+url.PathEscape(from.Arg))
	case instance.Metadata:
		if field, ok := instance.IdentityField(from); ok {
			return e.identity(ctx, field)
		}
		return e.service.get(ctx, "meta-data/"+escapeSteps(from.Keys()))
	}
	if path, ok := ec2Paths[from.Kind]; ok {
		return e.service.get(ctx, path)
	}
	return "", fmt.Errorf("EC2's metadata has no %s", from.Kind)
}

func (e *ec2) whyMissing(from instance.From) string {
	if from.Kind != instance.Tag {
		return ""
	}
	return " (EC2 shows tags only where the instance's metadata options have InstanceMetadataTags=enabled)"
}

func escapeSteps(steps []string) string {
	escaped := make([]string, len(steps))
	for i, step := range steps {
		escaped[i] = url.PathEscape(step)
	}
	return strings.Join(escaped, "/")
}

// identity reads a field of the instance identity document, which alone tells
// the account.
func (e *ec2) identity(ctx context.Context, field string) (string, error) {
	text, err := e.service.get(ctx, instance.IdentityDocument)
	if text == "" || err != nil {
		return "", err
	}
	var doc map[string]any
	if json.Unmarshal([]byte(text), &doc) != nil {
		return "", errors.New("the instance identity document is no JSON object")
	}
	switch value := doc[field].(type) {
	case nil:
		return "", nil
	case string:
		return value, nil
	}
	return "", fmt.Errorf("the instance identity document's %s is no text", field)
}
