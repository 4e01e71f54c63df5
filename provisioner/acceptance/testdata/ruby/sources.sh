#!/bin/sh
# Run once on a machine: fetches Ruby's own source and makes git repositories
# of the distribution's rbenv and ruby-build, all from its package mirror, and a
# rubygems.org of two gems.
set -eu
export DEBIAN_FRONTEND=noninteractive HOME=/root

# Of the release itself: not every mirror has the sources of security updates.
sed -n '/-security\|-updates/!s/^deb /deb-src /p' /etc/apt/sources.list >/etc/apt/sources.list.d/sources.list
apt-get -qq update
apt-get -qq -y --no-install-recommends install git rbenv ruby-build xz-utils >/dev/null

mkdir -p /srv/source /srv/git /srv/mirror
cd /srv/source
apt-get -qq --download-only --tar-only source ruby3.1
rm /etc/apt/sources.list.d/sources.list
tar -xf ruby3.1_*.orig.tar.xz
cd ruby-3.1.*
# The distribution's tarball has the bundled gems unpacked and not as files,
# which `make install` would fetch from rubygems.org.
: >gems/bundled_gems
cd ..
version=$(echo ruby-3.1.* | cut -d- -f2)
GZIP=-1 tar -czf source.tar.gz "ruby-$version"
mv source.tar.gz "/srv/mirror/$(sha256sum source.tar.gz | cut -d' ' -f1)"
rm -r /srv/source
echo "$version" >/srv/version

gem_of() { # gem_of NAME VERSION PROGRAM: a gem that says who it is
	mkdir -p /srv/gem/bin
	cd /srv/gem
	printf '#!/usr/bin/env ruby\nputs "%s %s"\n' "$1" "$2" >"bin/$3"
	chmod 755 "bin/$3"
	cat >gemspec <<-SPEC
		Gem::Specification.new do |s|
		  s.name, s.version, s.summary, s.authors = "$1", "$2", "made for a test", ["nobody"]
		  s.files, s.bindir, s.executables = ["bin/$3"], "bin", ["$3"]
		end
	SPEC
	gem build --quiet gemspec --output "/srv/mirror/rubygems/gems/$1-$2.gem" >/dev/null 2>&1
	cd /
	rm -r /srv/gem
}

mkdir -p /srv/mirror/rubygems/gems
gem_of greeter 1.0.0 greet
gem_of bundler 2.99.9 bundle
gem generate_index --directory /srv/mirror/rubygems >/dev/null

repository() { # repository NAME: the directory /srv/NAME, at the tag v1
	cd "/srv/$1"
	git init -q .
	git add -A
	git -c user.name=test -c user.email=test@example.com commit -q -m "as packaged"
	git tag v1
	git clone -q --bare . "/srv/git/$1.git"
	git rev-parse HEAD >"/srv/git/$1.commit"
	cd /
	rm -r "/srv/$1"
}

mkdir -p /srv/rbenv/bin
cp -r /usr/lib/rbenv/libexec /usr/lib/rbenv/completions /srv/rbenv/
rm -f /srv/rbenv/libexec/rbenv-install /srv/rbenv/libexec/rbenv-uninstall
ln -s ../libexec/rbenv /srv/rbenv/bin/rbenv
repository rbenv

mkdir -p /srv/ruby-build/bin /srv/ruby-build/share
cp /usr/bin/ruby-build /usr/lib/rbenv/libexec/rbenv-install /srv/ruby-build/bin/
cp -r /usr/share/ruby-build /srv/ruby-build/share/
repository ruby-build
