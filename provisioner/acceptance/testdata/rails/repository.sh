#!/bin/sh
# Makes a repository of the app in $1, in the working directory, with the gem
# in vendor/cache and a Gemfile.lock of what this machine has.
set -eu
mkdir -p vendor/cache gem
cp "$1"/price.rb "$1"/price.gemspec gem/
echo 1.0.0 >gem/VERSION
(cd gem && gem build --silent --output ../vendor/cache/price-1.0.0.gem price.gemspec)
rm -r gem
cp -R "$1"/app/. .
GEM_HOME=$(mktemp -d) bundle install --local --no-cache --quiet
printf '%s\n' .bundle log tmp public/assets >.gitignore
git init --quiet --initial-branch=master .
git config user.name t
git config user.email t@example.com
