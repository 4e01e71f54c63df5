#!/usr/bin/env bash
# Fails in words when what make is asked for is not asked for by root.
# Usage: .ci/need-root.sh TARGET…
set -euo pipefail

if [ "$(id -u)" != 0 ]; then
	echo "make $* boots real machines, which takes root: run it as root, or as: sudo env PATH=\"\$PATH\" make $*" >&2
	exit 1
fi
