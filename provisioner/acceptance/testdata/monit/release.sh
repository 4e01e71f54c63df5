#!/bin/sh
# Puts a first release of both apps in place, as Capistrano would.
set -eu
for app in shop tools; do
  release="$HOME/apps/$app/releases/1"
  mkdir -p "$release"
  cp "$(dirname "$0")"/* "$release/"
  ln -sfn "$release" "$HOME/apps/$app/current"
done
