package rbenv

import (
	"fmt"
	"regexp"
	"strings"
)

var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// ParseCommit reads the full name of a git commit.
func ParseCommit(text string) (string, error) {
	if !commit.MatchString(text) {
		return "", fmt.Errorf("%q is no commit: a branch or a tag can be moved to other code, which would run as root in your image; write the 40 digits that `git rev-parse REF^{commit}` prints", text)
	}
	return text, nil
}

var ref = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./+-]*$`)

// ParseRef reads a branch or a tag.
func ParseRef(text string) (string, error) {
	if !ref.MatchString(text) {
		return "", fmt.Errorf("%q is no branch and no tag: the commit is fetched by one; write for example \"v20250115\" or \"master\"", text)
	}
	return text, nil
}

// ParseGitURL reads what git clones. A path has to begin at the root: git runs on the host.
func ParseGitURL(text string) (string, error) {
	if !strings.HasPrefix(text, "/") && !strings.Contains(text, "://") && !strings.Contains(text, ":") || strings.HasPrefix(text, "-") {
		return "", fmt.Errorf("%q is no URL: git runs on the host that is baked; write for example \"https://github.com/rbenv/ruby-build.git\", or a path on that host from /", text)
	}
	return text, nil
}

var option = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// ParseOption reads one word for configure or make.
func ParseOption(text string) (string, error) {
	if !option.MatchString(text) {
		return "", fmt.Errorf("%q is no single plain word: ruby-build cuts options at spaces and knows no quotes; write each as an element of its own, for example \"--disable-install-doc\", and what has spaces as cflags", text)
	}
	return text, nil
}

var gem = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*:[0-9][A-Za-z0-9.]*$`)

// ParseGem reads "NAME:VERSION".
func ParseGem(text string) (string, error) {
	if !gem.MatchString(text) {
		return "", fmt.Errorf("%q names no gem and its version: without a version, two bakes would differ; write for example \"foreman:0.88.1\"", text)
	}
	return text, nil
}

var gemVersion = regexp.MustCompile(`^[0-9][A-Za-z0-9.]*$`)

// ParseBundler reads bundler's version and gives the gem.
func ParseBundler(text string) (string, error) {
	if !gemVersion.MatchString(text) {
		return "", fmt.Errorf("%q is no version of bundler: write it as Gemfile.lock does, for example \"2.5.22\"", text)
	}
	return "bundler:" + text, nil
}

var tarball = regexp.MustCompile(`^[^#]+#[0-9a-f]{64}$`)

// ParseTarball reads a URL and, after #, the file's SHA-256.
func ParseTarball(text string) (string, error) {
	address, _, _ := strings.Cut(text, "#")
	if _, err := ParseURL(address); err != nil || !tarball.MatchString(text) {
		return "", fmt.Errorf("%q is no URL with a checksum: without one a damaged or foreign source would go into the image; write \"https://…/ruby-3.3.6.tar.gz#SHA256\"", text)
	}
	return text, nil
}

var flags = regexp.MustCompile(`^[A-Za-z0-9_+=:,./ -]+$`)

// ParseFlags reads the compiler's flags, with spaces between them.
func ParseFlags(text string) (string, error) {
	if !flags.MatchString(text) {
		return "", fmt.Errorf("%q holds what no flag of a compiler needs: write for example \"-O2 -march=x86-64-v2\"", text)
	}
	return text, nil
}

var url = regexp.MustCompile(`^(https?|file)://[A-Za-z0-9_@%+=:,./~?&-]+$`)

// ParseURL reads a URL that goes into an environment variable.
func ParseURL(text string) (string, error) {
	if !url.MatchString(text) {
		return "", fmt.Errorf("%q is no URL: write one that the host can reach, for example \"https://mirror.example.com/ruby\"", text)
	}
	return text, nil
}
