#!/bin/sh
# What the plugin uploads: this header, then the gzipped host tool, then the
# gzipped blueprint. The shell has read all functions before it calls the first
# one, so removing this file while it runs does no harm.
# POSIX sh, coreutils and gzip; nothing else may be expected of the host.
# shellcheck disable=SC2317,SC2329 # clean_up and stop are called by traps

set -u
umask 077

nonce='@NONCE@'
run_id='@RUN_ID@'
archive='@ARCHIVE@'
offers='@OFFERS@'
keep_ruby='@KEEP_RUBY@'
folders='@FOLDERS@'
tool_at=@TOOL_AT@
tool_bytes=@TOOL_BYTES@
blueprint_at=@BLUEPRINT_AT@
blueprint_bytes=@BLUEPRINT_BYTES@
bundle_bytes=@BUNDLE_BYTES@

bundle=$0
dir=
stopped=
status=0

# Neither text may hold a quote, a backslash or a control character.
tell_problem() {
	trap '' PIPE # the reader may be gone, and the exit trap must still run
	printf '{"deployhost":"problem","text":"%s"}\n' "$1"
}

# Ends the run with a reason; only for ends that leave nothing behind.
refuse() {
	tell_problem "$1"
	printf '{"deployhost":"end","nonce":"%s"}\n' "$nonce"
	exit 1
}

clean_up() {
	[ -z "$dir" ] || rm -rf -- "$dir"
	rm -f -- "$bundle"
	for key in $offers; do
		rm -f -- "$bundle.${key%%:*}"
	done
	[ -z "$archive" ] || rm -f -- "$archive"
}

# The tool ends between two steps when the bundle is gone, which reaches it
# through sudo too, where an unprivileged kill does not.
stop() {
	stopped=yes
	rm -f -- "$bundle"
	[ -n "${!:-}" ] || exit 143
	kill -s TERM "$!" 2>/dev/null
}

# Runs a command to its end and sets status. A trap interrupts wait, not a
# command in the foreground: hence the background. Its process is $! from the
# fork on; a variable of ours would be set too late for an early signal.
supervise() {
	"$@" &
	while :; do
		stopped=
		wait "$!"
		status=$?
		[ -n "$stopped" ] || break
	done
}

# As root this file always removes itself. When it is still there, it never ran as root.
become_root() {
	supervise sudo -n sh "$bundle"
	if [ "$status" -ne 0 ] && [ -e "$bundle" ]; then
		refuse "not root: the build logs in as uid $(id -u), and sudo -n failed with status $status. Users, packages and system units are root's to write. Log in as root, or give this user passwordless sudo for the time of the build: USER ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d"
	fi
	exit "$status"
}

# part OFFSET BYTES
part() {
	tail -c "+$1" "$bundle" | head -c "$2" | gzip -dc
}

# Trying the tool itself finds a noexec mount, a full disk and a wrong machine alike.
unpack_in() {
	[ -d "$1" ] || return 1
	dir=$(mktemp -d "$1/deployhost.XXXXXXXXXX") || return 1
	part "$tool_at" "$tool_bytes" >"$dir/deployhost" &&
		part "$blueprint_at" "$blueprint_bytes" >"$dir/blueprint.json" &&
		chmod 0700 "$dir/deployhost" &&
		"$dir/deployhost" version >/dev/null &&
		return 0
	rm -rf -- "$dir"
	dir=
	return 1
}

# One folder that refuses is no news, all of them are: then their words are shown.
unpack() {
	for folder in $folders; do
		unpack_in "$folder" 2>/dev/null && return 0
	done
	for folder in $folders; do
		unpack_in "$folder" && return 0
	done
	refuse "the host tool can neither be unpacked nor run in any of $folders. Each is missing, full or mounted noexec. Free 16 MB in one of them, or remount one with exec for the time of the build"
}

check() {
	for program in id wc tail head gzip mktemp chmod; do
		command -v "$program" >/dev/null ||
			refuse "the host has no $program, which is needed to unpack what was uploaded. Install coreutils and gzip before this provisioner"
	done
	[ "$(wc -c <"$bundle")" -eq "$bundle_bytes" ] ||
		refuse "the upload is incomplete: $(wc -c <"$bundle") of $bundle_bytes bytes arrived. The folder is full, or the transfer broke off. Free some space there, or set remote_folder to a folder that has it"
}

main() {
	# clean_up removes this path: be sure that it is ours. A shell that is
	# fed this text through a pipe has its own name in $0.
	case ${bundle##*/} in
	deployhost-*) ;;
	*)
		tell_problem "the uploaded file was not started by its path. execute_command must run it as a file, as in: sh {{.Path}}"
		exit 1
		;;
	esac
	trap clean_up EXIT
	trap stop HUP INT TERM
	# A login that is not a login shell may lack what package managers and useradd need.
	PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin
	export PATH
	check
	[ "$(id -u)" -eq 0 ] || become_root
	unpack
	set -- apply --blueprint "$dir/blueprint.json" --nonce "$nonce" --bundle "$bundle" --run "$run_id"
	[ -z "$archive" ] || set -- "$@" --archive "$archive"
	[ -z "$offers" ] || set -- "$@" --offers "$offers"
	[ -z "$keep_ruby" ] || set -- "$@" "$keep_ruby"
	supervise "$dir/deployhost" "$@"
	exit "$status"
}

main
