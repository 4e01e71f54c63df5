#!/bin/sh
# Puts release $2 of this app below deploy_to, $1, as Capistrano would.
set -eu
shop=$1
release="$shop/releases/$2"
source=$(dirname "$0")

mkdir -p "$release/price"
cp "$source/config.ru" "$source/Gemfile" "$release/"
cp "$source/price.rb" "$source/price.gemspec" "$release/price/"
echo "$2" >"$release/REVISION"
echo "$2.0.0" >"$release/price/VERSION"
# One step, for workers may start at any moment: ln alone would unlink first.
ln -sfn "$release" "$shop/current.new"
mv -T "$shop/current.new" "$shop/current"
