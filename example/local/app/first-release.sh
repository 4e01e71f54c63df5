#!/bin/sh
# Puts the app where Capistrano would have put it. Runs as the deploy user.
set -eu
shop="$HOME/apps/shop"
release="$shop/releases/1"

mkdir -p "$release/config"
cp "$1/config.ru" "$1/Gemfile" "$release/"
ln -sfn "$shop/shared/config/cell.yml" "$release/config/cell.yml"
ln -sfn "$release" "$shop/current"
