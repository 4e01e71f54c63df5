#!/bin/sh
# Puts release $2 of this app below deploy_to, $1, as Capistrano would.
set -eu
shop=$1
release="$shop/releases/$2"

mkdir -p "$release/config"
cp "$(dirname "$0")/config.ru" "$(dirname "$0")/Gemfile" "$release/"
echo "$2" >"$release/REVISION"
ln -sfn "$shop/shared/config/cell.yml" "$release/config/cell.yml"
# One step: ln alone would unlink first.
ln -sfn "$release" "$shop/current.new"
mv -T "$shop/current.new" "$shop/current"
