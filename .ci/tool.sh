#!/usr/bin/env bash
# Prints the path of a tool that .tools/ pins, built into the cache if needed.
# Usage: .ci/tool.sh NAME
set -euo pipefail
cd "$(dirname "$0")/.."

go run ./provisioner/testmachine tools "${1:?usage: .ci/tool.sh NAME}" | cut -d ' ' -f 2-
