#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# systemd's units as they are built: systemd finds no mistake in them, and the service's sandbox is as tight as promised.
# VFIOD_UNITS: the folder that they are in, if it is not ./contrib/systemd; nothing is installed, and no manager has to run
units=${VFIOD_UNITS:-./contrib/systemd}

# By systemd's measure of 0 to 10, in tenths; the same with systemd 252 and 257.
exposure=16

if ! systemd-analyze --version 2>/dev/null | grep -q '^systemd 2[5-9]'; then
	echo "SKIPPED: no systemd-analyze of systemd 250 or newer"
	exit 77
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
# with a program that is there, whatever the prefix is
for unit in vfiod.service vfiod.socket vfiod-admin.socket; do
	sed 's,^\(Exec[A-Za-z]*=\)/[^ ]*/vfiod,\1/bin/true,' "$units/$unit" >"$dir/$unit"
done

systemd-analyze verify --man=no --recursive-errors=no "$dir"/vfiod.service "$dir"/*.socket >"$dir/said" 2>&1
status=$?
# of other units of this machine, and of its kernel, it has something to say too
if grep "^$dir\|vfiod" "$dir/said" || [ "$status" != 0 ]; then
	cat "$dir/said"
	echo "FAIL: systemd finds fault with a unit"
	exit 1
fi
if ! systemd-analyze security --offline=true --threshold=$exposure "$dir/vfiod.service" >"$dir/said" 2>&1; then
	grep '✗\|→' "$dir/said"
	echo "FAIL: the sandbox is not as tight as $exposure tenths"
	exit 1
fi
grep '→' "$dir/said"
