#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/failing/vfiod.sh BUILD: every allocation of vfiod and of vfioctl fails once, on a fake machine. In a build folder
# with its tests/fake and tests/failing.
set -euo pipefail

build=$(cd "${1:?usage: tests/failing/vfiod.sh BUILD}" && pwd)
self=$(cd "${0%/*}" && pwd)/${0##*/}
machine=$build/tests/fake/machine
nth=$build/tests/failing/nth
failing=$build/tests/failing/.libs/preload.so
# the program itself, and not libtool's script around it, whose shell has allocations of its own
vfioctl=$build/vfioctl/.libs/vfioctl
export LD_LIBRARY_PATH=$build/libvfiodma/.libs:$build/libpcicfg/.libs
vfiod=$build/vfiod/vfiod
lease=$build/tests/vm/clients/lease

if [ "${2:-}" != within ]; then
	exec "$machine" run --functions 4 -- "$self" "$build" within
fi

dir=/run/failing
mkdir -p $dir/state
cat >$dir/vfiod.conf <<'CONF'
connections-per-user = 0
requests-per-second = 0
rule "pool" { vendor = "8086" pool = "p" users = { "0", "1001" } lease-time = 3600 memlock = "1G" }
CONF
first=0000:00:00.0 second=0000:00:01.0
pid=

exec 3>&1
fail() {
	echo "FAILED: $*" >&3
	tail -n 20 $dir/log $dir/out >&3 || :
	exit 1
}

wait_for() {
	local what=$1
	shift
	for ((i = 0; i < 400; i++)); do
		! "$@" || return 0
		sleep 0.05
	done
	fail "$what"
}

# tell WHAT "NUMBER allocations failed...", which are counted.
total=0
tell() {
	echo "$1: $2"
	total=$((total + ${2%% *}))
}

says_ready() { grep -q ready $dir/log; }
is_state() { "$vfioctl" list --all 2>/dev/null | grep -E "^$1 .* $2( |\$)" >/dev/null; }

# start_vfiod: with its allocations counted in $dir/control
start_vfiod() {
	"$nth" new $dir/control
	: >$dir/log
	FAIL_CONTROL=$dir/control LD_PRELOAD="$FAKE_PRELOAD $failing" "$vfiod" -c $dir/vfiod.conf --state-dir $dir/state \
		>>$dir/log 2>&1 &
	pid=$!
	wait_for "vfiod starts" says_ready
}

stop_vfiod() {
	kill "$pid"
	wait "$pid" || fail "vfiod ends well"
}

# each SENTENCE ACT UNDO: ACT with vfiod's first allocation in it failing, then the second, until none is left. Vfiod lives
# on and UNDO, with all the memory there is, has the functions as they were.
each() {
	local sentence=$1 act=$2 undo=$3 hit n failed=0
	for ((n = 1; ; n++)); do
		"$nth" arm $dir/control $n
		if ! $act >$dir/out 2>$dir/err; then
			failed=$((failed + 1))
			[ -s $dir/err ] && [ "$(wc -l <$dir/err)" -le 2 ] || fail "$sentence, $n: it says: $(cat $dir/err)"
		fi
		kill -0 "$pid" 2>/dev/null || fail "$sentence, $n: vfiod is gone"
		"$nth" hit $dir/control && hit=1 || hit=
		"$nth" arm $dir/control 1000000000
		$undo >$dir/out 2>&1 || fail "$sentence, $n: what is left is not as it was: $(cat $dir/out)"
		[ -n "$hit" ] || break
		[ $n -lt 400 ] || fail "$sentence: there is no end of it"
	done
	tell "$sentence" "$((n - 1)) allocations failed, $failed times in vain"
}

assign() { "$vfioctl" assign $first --user root; }
release() { "$vfioctl" release $first; }
# is_the_hosts: also as sysfs has it
is_the_hosts() {
	[[ $(readlink /sys/bus/pci/devices/$first/driver) == */nvme ]] &&
		[ "$(cat /sys/bus/pci/devices/$first/driver_override)" = "(null)" ]
}
release_if() {
	! is_state $first free && ! is_state $first quarantined || release
	is_state $first unmanaged && is_the_hosts
}
assign_if() { is_state $first free || assign; is_state $first free; }
acquire() { timeout 20 "$lease" cycle 1 "${1:-$first}"; }
# Where there was no memory to clean a function it is in quarantine, until somebody has it cleaned.
has_ended() { is_state "$1" free || is_state "$1" quarantined; }
is_free() {
	wait_for "a lease of $1 ends" has_ended "$1"
	is_state "$1" free || "$vfioctl" quarantine clear "$1"
	wait_for "$1 is free again" is_state "$1" free
}
nothing() { :; }
hold() {
	"$lease" hold $second >$dir/held 2>&1 &
	held=$!
	wait_for "a client has a lease" grep -q leased $dir/held
}
revoke() { "$vfioctl" revoke $second --grace 0; }
revoked() {
	! is_state $second leased || revoke
	kill $held 2>/dev/null || :
	wait $held 2>/dev/null || :
	is_free $second
	hold
}

export FAIL_PRELOAD=$failing
"$nth" run -- "$vfiod" --check-config -c $dir/vfiod.conf >$dir/out 2>&1 || fail "$(cat $dir/out)"
tell "the configuration" "$(cat $dir/out)"
FAIL_PRELOAD="$FAKE_PRELOAD $failing" "$nth" run --until " ready: " -- \
	"$vfiod" -c $dir/vfiod.conf --state-dir $dir/state >$dir/out 2>&1 || fail "vfiod starts, or says why not: $(cat $dir/out)"
tell "vfiod's start" "$(cat $dir/out)"

start_vfiod
each "ASSIGN" assign release_if
assign
each "UNASSIGN" release assign_if
each "ACQUIRE and RELEASE" acquire "is_free $first"
"$vfioctl" assign $second --user root
hold
each "REVOKE" revoke revoked
kill $held
wait $held || :
for command in "list --all" "stats" "why $first" "reload" "pool" "show $first"; do
	each "vfioctl $command" "$vfioctl $command" nothing
done
# not with --json: json-c asserts that it is given what could be made
for command in "list" "why $first" "stats" "stats --prometheus" "show $first" "pool" "reload" \
	"release $first" "assign $first --user root" "--help" "config show $first"; do
	# shellcheck disable=SC2086	# words
	"$nth" run -- "$vfioctl" $command >$dir/out 2>&1 || fail "$(cat $dir/out)"
	tell "vfioctl $command" "$(cat $dir/out)"
done
stop_vfiod
echo "figure: $total allocations failed"
