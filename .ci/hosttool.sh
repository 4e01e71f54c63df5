#!/usr/bin/env bash
# Builds the host tool, compressed, where the plugin embeds it.
# Usage: .ci/hosttool.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?usage: .ci/hosttool.sh VERSION}
out=provisioner/internal/bundle/tool
# One tool is in every bundle that is uploaded and stays in every image; both
# are in every plugin.
max_static=$((9 * 1024 * 1024))
max_gzip=$((7 * 1024 * 1024 / 2))

at_most() { # at_most FILE BYTES
	local size
	size=$(wc -c <"$1")
	if ((size > $2)); then
		echo "$1 is $size bytes, at most $2 are allowed: see what it imports with 'go list -deps ./provisioner/hosttool'" >&2
		return 1
	fi
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$out"
for arch in amd64 arm64; do
	tool=$tmp/deployhost_linux_$arch
	CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false \
		-ldflags "-s -w -X main.version=$version" -o "$tool" ./provisioner/hosttool
	at_most "$tool" "$max_static"
	gzip -9nk "$tool"
	at_most "$tool.gz" "$max_gzip"
	mv "$tool.gz" "$out/"
done
