#!/usr/bin/env bash
# Lints Go and shell.
set -euo pipefail
cd "$(dirname "$0")/.."

need_shellcheck() {
	command -v shellcheck >/dev/null && return
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "shellcheck is missing: install it with your package manager, for example: sudo apt-get install shellcheck" >&2
		return 1
	fi
	echo "installing shellcheck with apt-get"
	apt-get -qq update
	DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends shellcheck >/dev/null
}

# What has no #! line is sourced by people's login shells, which are any sh.
lint_shell() { # lint_shell FILE
	if [ "$(head -c 2 "$1")" = '#!' ]; then
		shellcheck "$1"
	else
		shellcheck --shell=sh "$1"
	fi
}

status=0
need_shellcheck
while read -r file; do
	lint_shell "$file" || status=1
done < <(find . -path ./.git -prune -o -path ./dist -prune -o -type f \( -name '*.sh' -o -path ./.ci/run \) -print | sort)

# Packer's users have other systems than the machines that they bake.
for os in darwin windows; do
	GOOS=$os go build -o /dev/null . || status=1
done

golangci=$(.ci/tool.sh golangci-lint)
"$golangci" run || status=1
exit "$status"
