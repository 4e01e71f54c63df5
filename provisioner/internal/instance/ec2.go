package instance

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// IdentityDocument is the instance identity document's path below EC2's /latest/.
const IdentityDocument = "dynamic/instance-identity/document"

// IdentityField gives the field that a metadata path names below
// IdentityDocument, as in metadata:dynamic/instance-identity/document/accountId.
func IdentityField(from From) (field string, ok bool) {
	field, ok = strings.CutPrefix(strings.Join(from.Keys(), "/"), IdentityDocument+"/")
	return field, ok && from.Kind == Metadata && !strings.Contains(field, "/")
}

// ec2Tag is what EC2 allows as a tag's name in its metadata ("View tags for
// your EC2 instances using instance metadata" in AWS's user guide).
var ec2Tag = regexp.MustCompile(`^[0-9A-Za-z+=.,_:@-]+$`)

// CheckEC2 tells why EC2's metadata service can never answer.
func CheckEC2(from From) error {
	switch from.Kind {
	case CloudInit:
		return fmt.Errorf("%q is cloud-init's, which cloud = \"ec2\" does not ask; write another source, or cloud = \"cloud-init\"", from)
	case Tag:
		if !ec2Tag.MatchString(from.Arg) || slices.Contains([]string{".", "..", "_index"}, from.Arg) {
			return fmt.Errorf("%q: EC2's metadata shows only tags whose names consist of letters, digits and \"+-=.,_:@\"; name the "+
				"tag otherwise, here and on the instances", from)
		}
	case Metadata:
		steps := from.Keys()
		if slices.Contains(steps, ".") || slices.Contains(steps, "..") {
			return fmt.Errorf("%q: a path in EC2's metadata has no \".\" and no \"..\"", from)
		}
		if _, ok := IdentityField(from); steps[0] == "dynamic" && !ok {
			return errors.New("of EC2's dynamic data only the identity document's fields are values; write for example " +
				"\"metadata:dynamic/instance-identity/document/accountId\"")
		}
	}
	return nil
}
