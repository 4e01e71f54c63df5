#!/bin/sh
# Puts a first release of this app below deploy_to, $1, as Capistrano would.
set -eu
shop=$1
release="$shop/releases/1"

mkdir -p "$release/config"
cp "$(dirname "$0")/web.py" "$release/"
ln -s "$shop/shared/config/cell.yml" "$release/config/cell.yml"
ln -sfn "$release" "$shop/current"
