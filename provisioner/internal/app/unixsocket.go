package app

import (
	"fmt"
	"slices"
	"strings"
)

// maxUnixSocket is what sockaddr_un holds besides the NUL at its end (unix(7)).
const maxUnixSocket = 107

// ParseUnixSocket accepts paths such as "tmp/sockets/puma.sock".
func ParseUnixSocket(text string) (RelativePath, error) {
	if !relativePath.MatchString(text) || dotDot.MatchString(text) {
		return "", fmt.Errorf("%q is no path below shared/: the image makes its directory there; write it relative, with letters, digits and \"_.-\" and no \"..\"; for example \"tmp/sockets/puma.sock\"", text)
	}
	return RelativePath(text), nil
}

// CheckUnixSocket tells why puma cannot listen on a path below shared/; nil
// when it can.
func (a App) CheckUnixSocket(below RelativePath) error {
	at := a.shared(string(below))
	switch {
	case len(at) > maxUnixSocket:
		return fmt.Errorf("%q is %d bytes long, and Linux takes at most %d for a unix socket, so puma could not listen; write a shorter path, for example \"puma.sock\", or a shorter deploy_to", at, len(at), maxUnixSocket)
	case slices.ContainsFunc(a.directories(), func(dir string) bool { return strings.HasPrefix(dir+"/", at+"/") }):
		return fmt.Errorf("%q is a directory in the image, and the socket has to be a file in one; write for example \"%s/puma.sock\"", below, below)
	case slices.Contains([]string{a.pumaConfig(), a.PidFile()}, at):
		return fmt.Errorf("%q is another file of puma's, which the socket would replace; write for example \"tmp/sockets/puma.sock\"", below)
	}
	return nil
}

// directories below shared/ that the app always has.
func (a App) directories() []string {
	out := []string{a.shared("tmp/pids"), a.shared("log")}
	for _, dir := range a.LinkedDirs {
		out = append(out, a.shared(string(dir)))
	}
	return out
}
