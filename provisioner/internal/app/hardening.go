package app

import (
	"slices"
	"strings"
)

const noNewPrivileges = "NoNewPrivileges"

// hardening is what a service is kept from unless extra says otherwise. Nothing
// here needs a namespace, which a user manager may be refused (226/NAMESPACE),
// or a capability, which it never has (218/CAPABILITIES).
var hardening = []Directive{
	// sudo and other set-user-ID programs give nothing to who starts them here.
	{noNewPrivileges, "yes"},
	{"LockPersonality", "yes"},
	// Netlink is how getifaddrs(3) lists the machine's addresses. Other families
	// have kernel modules that a first socket would load.
	{"RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"},
	{"RestrictRealtime", "yes"},
	// The other architectures' system calls are a way around the filters.
	{"SystemCallArchitectures", "native"},
}

// canBeEmpty tells whether a hardening directive is a list, which without a
// value restricts nothing. To an empty truth value systemd objects.
func canBeEmpty(name string) bool {
	return name == "RestrictAddressFamilies" || name == "SystemCallArchitectures"
}

// Hardening is what the unit needs beside its extra directives. A second line
// of some directives would add to the first: extra's is the only one.
func (p Process) Hardening() []Directive {
	var out []Directive
	for _, d := range hardening {
		own := slices.ContainsFunc(p.Extra, func(e Directive) bool { return e.Name == d.Name })
		if !own && !p.newPrivileges() {
			out = append(out, d)
		}
	}
	return out
}

// newPrivileges tells whether extra allows them. No filter may be set then: in
// a user manager each one implies NoNewPrivileges=yes (systemd.exec(5)).
func (p Process) newPrivileges() bool {
	no := []string{"no", "n", "false", "f", "off", "0"}
	return slices.ContainsFunc(p.Extra, func(e Directive) bool {
		return e.Name == noNewPrivileges && slices.Contains(no, strings.ToLower(e.Value))
	})
}
