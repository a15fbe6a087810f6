# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The words of tests/vm/vfiod.sh on the fake machine: source this instead, in a script that `machine run` runs with what
# is built in $VFIOD_BUILT. Nothing outside of the machine is written: vfiod has all of its files in /run.
: "${WAIT_SECONDS:=60}"	# beside virtual machines, and when vfiod has ten thousand events to read
# shellcheck source-path=SCRIPTDIR source=../vm/vfiod.sh
. "${BASH_SOURCE[0]%/*}/../vm/vfiod.sh"
trap 'vfiod_scenario_ends "$?"' EXIT

: "${VFIOD_BUILT:?where everything is built}" "${FAKE_PRELOAD:?run this with: machine run}"
# vfioctl itself, not libtool's script around it, which takes longer than vfioctl does
export LD_LIBRARY_PATH=$VFIOD_BUILT/libvfiodma/.libs:$VFIOD_BUILT/libpcicfg/.libs
PATH=$VFIOD_BUILT/vfiod:$VFIOD_BUILT/vfioctl/.libs:$VFIOD_BUILT/vfioctl:$VFIOD_BUILT/tests/vm/clients:$VFIOD_BUILT/tests/fake:$PATH
# shellcheck disable=SC2034  # of the scripts
socket=/run/vfiod/pub/vfiod.sock
configuration=/run/vfiod.conf
state_dir=/run/state
: >$configuration

configure() { cat >$configuration; }

start_vfiod_under() {
	: >"$vfiod_log"
	"$@" env LD_PRELOAD="$FAKE_PRELOAD" vfiod --config $configuration --state-dir $state_dir 2>"$vfiod_log" &
	vfiod_pid=$!
	wait_for "vfiod gets ready" grep -q ' ready: ' "$vfiod_log"
}

# as UID[:GID,...] COMMAND...
as() {
	local user=${1%%:*} groups=--clear-groups
	case $1 in *:*) groups=--groups=${1#*:} ;; esac
	shift
	env -i PATH="$PATH" setpriv --reuid="$user" --regid="$user" "$groups" --inh-caps=-all \
		--ambient-caps=-all --bounding-set=-all "$@"
}

# machine_does LINE...: see `machine --help`.
machine_does() { quietly machine "do" "$@"; }

# Handles are made of a store of descriptors here, which is filled up when it is empty, with as many as there is room for;
# those left in it are not vfiod's. See struct fake_table.
stored() {
	local process left
	read -r process left < <(od -An -t u4 -N 8 /run/fake/handles)
	if [ "$process" = "$vfiod_pid" ]; then echo "$left"; else echo 0; fi
}
descriptors() { echo $(($(find "/proc/$vfiod_pid/fd" -mindepth 1 | wc -l) - $(stored))); }

table() { LD_PRELOAD=$FAKE_PRELOAD command table "$@"; }
