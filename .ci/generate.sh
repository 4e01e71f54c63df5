#!/usr/bin/env bash
# Generates the HCL2 specs beside the schema and renders .docs/ into docs/.
# With --check it changes nothing, and fails when what is committed is stale.
#
# All work happens in a copy: a generator that fails leaves the checkout whole,
# and `packer-sdc struct-markdown` looks for an ancestor directory named
# packer-plugin-* in an endless loop, while a checkout may have any name.
set -euo pipefail
cd "$(dirname "$0")/.."

mode="write"
case ${1-} in
'') ;;
--check) mode="check" ;;
*)
	echo "usage: .ci/generate.sh [--check]" >&2
	exit 2
	;;
esac

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
copy=$tmp/packer-plugin-deployhost
mkdir "$copy"

products() { # products DIR: the generated files below DIR, relative to it
	(
		cd "$1"
		find . -name '*.hcl2spec.go' -printf '%P\n'
		find .docs -type f -printf 'docs/%P\n'
	) | sort
}

# Specs that are there before would hide one that is made no more.
tar --exclude-vcs --exclude=./dist --exclude=./example --exclude='*.hcl2spec.go' -cf - . | tar -C "$copy" -xf -
(
	cd "$copy"
	go generate ./...
	go tool packer-sdc renderdocs -src .docs -partials docs-partials -dst docs-rendered 2>"$tmp/renderdocs.log" ||
		{ cat "$tmp/renderdocs.log" >&2; exit 1; }
	cp -r docs-rendered/. docs/
)

stale=()
while read -r file; do
	cmp -s "$file" "$copy/$file" || stale+=("$file")
done < <({ products .; products "$copy"; } | sort -u)

if ((${#stale[@]} == 0)); then
	echo "generated files are up to date"
	exit 0
fi
if [ "$mode" = check ]; then
	printf 'stale: %s\n' "${stale[@]}" >&2
	echo "run 'make generate' and commit what it changes" >&2
	exit 1
fi
for file in "${stale[@]}"; do
	if [ -e "$copy/$file" ]; then
		mkdir -p "$(dirname "$file")"
		cp "$copy/$file" "$file"
		echo "wrote $file"
	else
		rm "$file"
		echo "removed $file"
	fi
done
