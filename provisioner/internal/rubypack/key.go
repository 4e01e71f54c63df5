// Package rubypack is the form in which a compiled Ruby travels: what it was
// made from, and its files. Both sides speak it: the host packs and unpacks,
// the build machine keeps. It imports nothing of ours.
package rubypack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Inputs are everything that the outcome of a compilation depends on. Two
// hosts on which they are equal may use the same Ruby.
type Inputs struct {
	Version string `json:"version"`
	// Prefix is compiled in.
	Prefix string `json:"prefix"`
	// RubyBuild is a commit, or empty for the package of Distribution.
	RubyBuild string `json:"ruby_build,omitempty"`
	// Definition is a definition file's text, or empty for ruby-build's own.
	Definition string   `json:"definition,omitempty"`
	Tarball    string   `json:"tarball,omitempty"`
	Configure  []string `json:"configure,omitempty"`
	Make       []string `json:"make,omitempty"`
	CFlags     string   `json:"cflags,omitempty"`
	Jemalloc   bool     `json:"jemalloc,omitempty"`
	YJIT       bool     `json:"yjit,omitempty"`
	Gems       []string `json:"gems,omitempty"`
	GemSource  string   `json:"gem_source,omitempty"`
	// Distribution is os-release(5)'s ID and VERSION_ID.
	Distribution string `json:"distribution"`
	// Arch is as Go names it.
	Arch string `json:"arch"`
	// Libc is for example "glibc 2.36".
	Libc string `json:"libc"`
	// Compiler is what cc says of itself; empty for the distribution's default,
	// which Distribution names and which need not be installed to restore.
	Compiler string `json:"compiler,omitempty"`
}

// Key names the outcome: 64 hexadecimal digits.
func (i Inputs) Key() string {
	text, err := json.Marshal(i)
	if err != nil { // strings and bools always marshal
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
