package instance

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
)

// From is a parsed Value.From: a kind of source and, for some, what to ask it for.
type From struct {
	Kind Kind
	// Arg is what stands behind the colon: a tag's name, a path within
	// metadata, or a file's or program's absolute path; empty for kinds that
	// take none.
	Arg string
}

// Kind is the part of Value.From before the colon.
type Kind string

// The kinds of source.
const (
	InstanceID   Kind = "instance_id"
	Region       Kind = "region"
	Zone         Kind = "zone"
	InstanceType Kind = "instance_type"
	PublicIP     Kind = "public_ip"
	PrivateIP    Kind = "private_ip"
	Hostname     Kind = "hostname"
	CPUs         Kind = "cpus"
	MemoryMB     Kind = "memory_mb"
	Tag          Kind = "tag"
	Metadata     Kind = "metadata"
	CloudInit    Kind = "cloud_init"
	FileAt       Kind = "file"
	Exec         Kind = "exec"
)

var plainKinds = []Kind{InstanceID, Region, Zone, InstanceType, PublicIP, PrivateIP, Hostname, CPUs, MemoryMB}

// ParseFrom reads Value.From. Its errors say what to write instead.
func ParseFrom(text string) (From, error) {
	head, arg, hasArg := strings.Cut(text, ":")
	from := From{Kind: Kind(head), Arg: arg}
	if slices.Contains(plainKinds, from.Kind) {
		if hasArg {
			return From{}, fmt.Errorf("%q: %s takes nothing behind it; write just %q", text, head, head)
		}
		return from, nil
	}
	switch from.Kind {
	case Tag:
		if arg == "" {
			return From{}, fmt.Errorf("%q names no tag; write for example \"tag:cell\"", text)
		}
	case Metadata, CloudInit:
		if slices.Contains(from.Keys(), "") {
			return From{}, fmt.Errorf("%q has an empty step in its path; write for example \"cloud_init:v1.cloud_name\" or "+
				"\"metadata:placement/host-id\"", text)
		}
	case FileAt:
		if !cleanPath(arg) {
			return From{}, fmt.Errorf("%q needs the clean, absolute path of a file; write for example \"file:/etc/cell\"", text)
		}
	case Exec:
		if strings.ContainsFunc(arg, unicode.IsSpace) {
			return From{}, fmt.Errorf("%q gives a program arguments, or has a space in its path; no shell reads it, so write just a "+
				"path, for example \"exec:/usr/local/bin/database-url\", of a script that holds the rest", text)
		}
		if !cleanPath(arg) {
			return From{}, fmt.Errorf("%q needs the clean, absolute path of a program; write for example "+
				"\"exec:/usr/local/bin/database-url\"", text)
		}
	default:
		return From{}, fmt.Errorf("%q is no source: use one of %s, tag:NAME, metadata:PATH, cloud_init:KEY.PATH, file:/PATH or "+
			"exec:/PROGRAM", text, joinKinds(plainKinds))
	}
	return from, nil
}

func cleanPath(p string) bool { return path.IsAbs(p) && path.Clean(p) == p && p != "/" }

// Keys are the steps of a path within metadata. A path that has a "/" is split
// there and nowhere else, so that keys which hold dots can be named too.
func (f From) Keys() []string {
	if strings.Contains(f.Arg, "/") {
		return strings.Split(f.Arg, "/")
	}
	return strings.Split(f.Arg, ".")
}

// String gives the text that ParseFrom reads.
func (f From) String() string {
	if f.Arg == "" {
		return string(f.Kind)
	}
	return string(f.Kind) + ":" + f.Arg
}

// NeedsMetadata tells whether a source can only be right once cloud-init, where
// that is the cloud's voice, has done its network stage. Besides metadata itself that holds for the host name,
// which cloud-init sets there, and for the address, which the network brings.
func NeedsMetadata(from string) bool {
	kind, _, _ := strings.Cut(from, ":")
	switch Kind(kind) {
	case CPUs, MemoryMB, FileAt, Exec:
		return false
	}
	return true
}

func joinKinds(kinds []Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}
