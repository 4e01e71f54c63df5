package monit

import (
	"fmt"
	"regexp"
)

// Mail is whom monit mails, and how. There is no password: it would be baked
// into an image that many may read.
type Mail struct {
	To   []Address
	From Address
	// Server is a name or an IP address.
	Server Text
	Port   int
	TLS    bool
}

// Address is one mail address.
type Address string

// A part of what RFC 5322 allows, which means nothing else to monit.
var address = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// ParseAddress accepts "ops@example.com", without a name.
func ParseAddress(text string) (Address, error) {
	if !address.MatchString(text) || len(text) > 254 {
		return "", fmt.Errorf("%q is no mail address that monit can take, and one bad line stops monit for everything: write the address alone, for example \"ops@example.com\"", text)
	}
	return Address(text), nil
}

var server = regexp.MustCompile(`^[A-Za-z0-9:]([A-Za-z0-9.:-]*[A-Za-z0-9:])?$`)

// ParseServer accepts a name or an IP address, without a port.
func ParseServer(text string) (Text, error) {
	if !server.MatchString(text) {
		return "", fmt.Errorf("%q is no mail server: write its name or IP address, and its port into port; for example \"mail.example.com\"", text)
	}
	return Text(text), nil
}
