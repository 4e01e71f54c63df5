package boot

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/deployhost/packer-plugin-deployhost/provisioner/internal/instance"
)

// Where cloud-init leaves what it has learnt (cloud-init's "Instance metadata"):
// all of it for root alone, and a redacted copy for everybody.
const (
	sensitiveData = "/run/cloud-init/instance-data-sensitive.json"
	redactedData  = "/run/cloud-init/instance-data.json"
)

// maxInstanceData is far above what clouds give (user-data is 16 KiB on EC2,
// 256 KiB on GCE) and far below what could hurt a small machine.
const maxInstanceData = 16 << 20

// redacted is what cloud-init puts in place of a value in the world-readable
// copy (cloudinit/sources/__init__.py, REDACT_SENSITIVE_VALUE).
const redacted = "redacted for non-root user"

// noDataSource is the instance id of cloud-init's DataSourceNone, which it
// falls back to when no cloud answers (Debian 11 and 12; later ones fail).
const noDataSource = "iid-datasource-none"

// cloudInit answers from cloud-init's instance data.
type cloudInit struct {
	doc any
	// base64 holds the paths, joined by "/", of values that are encoded.
	base64 map[string]bool
}

// openCloudInit reads the instance data below root. Without any the error is fs.ErrNotExist.
func openCloudInit(root func(string) string) (*cloudInit, error) {
	data, err := readCapped(root(sensitiveData))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		data, err = readCapped(root(redactedData))
	}
	if err != nil {
		return nil, fmt.Errorf("cloud-init's instance data: %w", err)
	}
	return parseCloudInit(data)
}

func readCapped(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxInstanceData+1))
	if err == nil && len(data) > maxInstanceData {
		err = fmt.Errorf("%s has more than %d MiB", path, maxInstanceData>>20)
	}
	return data, err
}

// parseCloudInit relies on encoding/json to refuse more than 10,000 levels.
func parseCloudInit(data []byte) (*cloudInit, error) {
	dec := json.NewDecoder(bytes.NewReader(noNaN(data)))
	dec.UseNumber() // 18446744073709551615 must not become 1.8446744073709552e+19
	c := cloudInit{base64: map[string]bool{}}
	if err := dec.Decode(&c.doc); err != nil {
		return nil, fmt.Errorf("cloud-init's instance data is no JSON: %w", err)
	}
	encoded, _ := c.at("base64_encoded_keys").([]any)
	for _, key := range encoded {
		if path, ok := key.(string); ok {
			c.base64[path] = true
		}
	}
	return &c, nil
}

// notFinite is what Python's json module, which is cloud-init's, writes for a
// float that is none, and what may stand in a text as well.
var notFinite = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?Infinity|NaN`)

// noNaN makes JSON of what cloud-init wrote. On EC2 it reads a tag that looks
// like an object as JSON, so a tag {"a":NaN}, which nobody asked for, would
// take every value with it.
func noNaN(data []byte) []byte {
	if !bytes.Contains(data, []byte("Infinity")) && !bytes.Contains(data, []byte("NaN")) {
		return data
	}
	return notFinite.ReplaceAllFunc(data, func(found []byte) []byte {
		if found[0] == '"' {
			return found
		}
		return []byte("null")
	})
}

func (c *cloudInit) lookup(_ context.Context, from instance.From) (string, error) {
	switch from.Kind {
	case instance.InstanceID:
		return c.instanceID()
	case instance.Region:
		return c.scalar("v1", "region")
	case instance.Zone:
		return c.scalar("v1", "availability_zone")
	case instance.InstanceType:
		return c.first("instance-type", "instance_type")
	case instance.PublicIP:
		return c.first("public-ipv4", "public_ipv4")
	case instance.Tag:
		// EC2 has tags/instance/NAME; NoCloud's meta-data is free, and flat is what people write.
		if _, nested := c.at("ds", "meta_data", "tags", "instance").(map[string]any); nested {
			return c.scalar("ds", "meta_data", "tags", "instance", from.Arg)
		}
		return c.scalar("ds", "meta_data", "tags", from.Arg)
	case instance.Metadata:
		return c.scalar(append([]string{"ds", "meta_data"}, from.Keys()...)...)
	case instance.CloudInit:
		return c.scalar(from.Keys()...)
	}
	return "", fmt.Errorf("cloud-init knows no %s", from.Kind)
}

// foundNone tells whether cloud-init knows nothing of this instance's cloud.
func (c *cloudInit) foundNone() bool {
	id, err := c.scalar("v1", "instance_id")
	return err == nil && id == noDataSource
}

func (c *cloudInit) instanceID() (string, error) {
	if c.foundNone() {
		return "", nil
	}
	return c.scalar("v1", "instance_id")
}

func (c *cloudInit) first(keys ...string) (string, error) {
	for _, key := range keys {
		if value, err := c.scalar("ds", "meta_data", key); value != "" || err != nil {
			return value, err
		}
	}
	return "", nil
}

// at gives what lies at a path: keys of objects and, within lists, indexes
// from 0. It is nil when there is nothing.
func (c *cloudInit) at(keys ...string) any {
	node := c.doc
	for _, key := range keys {
		switch n := node.(type) {
		case map[string]any:
			node = n[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(n) {
				return nil
			}
			node = n[i]
		default:
			return nil
		}
	}
	return node
}

// scalar gives a text, number or truth value as text; numbers as the document writes them.
func (c *cloudInit) scalar(keys ...string) (string, error) {
	at := strings.Join(keys, "/")
	switch value := c.at(keys...).(type) {
	case nil:
		return "", nil
	case string:
		if value == redacted {
			return "", nil
		}
		if c.base64[at] {
			decoded, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				return "", fmt.Errorf("cloud-init's %s is not the base64 that it should be", at)
			}
			return string(decoded), nil
		}
		return value, nil
	case json.Number:
		return value.String(), nil
	case bool:
		return strconv.FormatBool(value), nil
	default:
		return "", fmt.Errorf("cloud-init's %s is a list or an object, not one value: name a key below it", at)
	}
}
