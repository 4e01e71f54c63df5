//go:build linux

package testmachine

import (
	"errors"
	"os"
	"slices"
	"strings"
)

// writeIdentity gives the guest its host name and this machine's DNS servers.
// systemd prefers /etc/hostname to the name that nspawn gives.
func (c *Container) writeIdentity(name string) error {
	resolvers, err := hostResolvers()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(c.RootDir())
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	// It may be a link to where a resolver of the guest's would write.
	if err := root.RemoveAll("etc/resolv.conf"); err != nil {
		return err
	}
	return errors.Join(
		writeInto(root, "etc/resolv.conf", resolvers),
		writeInto(root, "etc/hostname", name+"\n"),
		// sudo complains about a host name that it can't resolve.
		writeInto(root, "etc/hosts", "127.0.0.1 localhost\n127.0.1.1 "+name+"\n"),
	)
}

// hostResolvers reads this machine's resolv.conf, or the one behind
// systemd-resolved's stub, which no guest can reach at 127.0.0.53.
func hostResolvers() (string, error) {
	for _, path := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		text, err := os.ReadFile(path)
		if err == nil && hasReachableServer(string(text)) {
			return string(text), nil
		}
	}
	return "", errors.New("this machine's resolv.conf names no DNS server that a container could reach (a loopback address is not one); write one into /etc/resolv.conf")
}

func hasReachableServer(resolvConf string) bool {
	return slices.ContainsFunc(strings.Split(resolvConf, "\n"), func(line string) bool {
		fields := strings.Fields(line)
		return len(fields) == 2 && fields[0] == "nameserver" &&
			!strings.HasPrefix(fields[1], "127.") && fields[1] != "::1"
	})
}

// tail is the end of a log file, for an error's text.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return lastLines(string(text), 20)
}
