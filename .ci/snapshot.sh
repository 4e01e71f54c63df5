#!/usr/bin/env bash
# Makes the release's files in dist/ without publishing them, then looks at
# them as `packer init` will: a zip's name, its checksum and what the plugin in
# it says of itself have to agree.
set -euo pipefail
cd "$(dirname "$0")/.."

goreleaser=$(.ci/tool.sh goreleaser)
"$goreleaser" release --snapshot --clean --skip=publish,sign

cd dist
sha256sum --check --quiet ./*_SHA256SUMS
zip=$(find . -name "*_$(go env GOOS)_$(go env GOARCH).zip" -printf '%f\n')
# goreleaser keeps each binary beside the zips, under the zip's name.
plugin=$(find . -mindepth 2 -type f -name "${zip%.zip}")
described=$("$plugin" describe)

field() { # field NAME: of the one-line JSON that describe prints
	sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/" <<<"$described"
}

want=packer-plugin-deployhost_v$(field version)_$(field api_version)_$(go env GOOS)_$(go env GOARCH).zip
if [ "$zip" != "$want" ]; then
	echo "the zip is named $zip, but Packer will look for $want, because the plugin in it says $described" >&2
	exit 1
fi
echo "dist/ holds $(find . -maxdepth 1 -name '*.zip' | wc -l) zips, named and summed as packer init wants them"
