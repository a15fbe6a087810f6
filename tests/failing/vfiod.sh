#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/failing/vfiod.sh BUILD: every allocation of vfiod and of vfioctl fails once, on a fake machine. In a build folder
# with its tests/fake and tests/failing. Of a start that finds a lease and more, which has hundreds, every STEP-th.
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
rule "member" { address = "0000:03:00.0" companions = "bind" }
rule "companion" { address = "0000:03:00.1" companions = "bind" }
rule "pool" { vendor = "8086" pool = "p" users = { "0", "1001" } lease-time = 3600 memlock = "1G" }
CONF
first=0000:00:00.0 second=0000:00:01.0 third=0000:00:02.0
card=0000:01:00.0
member=0000:03:00.0 companion=0000:03:00.1
pid=

"$machine" "do" "function $card driver=igb vfs=4 group=50" "function $member driver=nvme group=60" \
	"function $companion driver=nvme group=60"

exec 3>&1
fail() {
	echo "FAILED: $*" >&3
	tail -n 40 $dir/log $dir/out $dir/list >&3 2>/dev/null || :
	exit 1
}

wait_for() {
	local what=$1
	shift
	for ((i = 0; i < 400; i++)); do
		! "$@" || return 0
		sleep "${PAUSE:-0.05}"
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

# begin_vfiod N: with its allocations counted in $dir/control, of which the N-th fails; until it serves, or is gone
begin_vfiod() {
	"$nth" new $dir/control
	"$nth" arm $dir/control "$1"
	: >$dir/log
	FAIL_CONTROL=$dir/control LD_PRELOAD="$FAKE_PRELOAD $failing" "$vfiod" -c $dir/vfiod.conf --state-dir $dir/state \
		>>$dir/log 2>&1 &
	pid=$!
	wait_for "vfiod starts, or says why not" ready_or_gone
}
ready_or_gone() { says_ready || ! kill -0 "$pid" 2>/dev/null; }
start_vfiod() {
	begin_vfiod 1000000000
	says_ready || fail "vfiod starts"
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
		[ $n -lt 2000 ] || fail "$sentence: there is no end of it"
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

# What cannot be cleaned is quarantined: $third, whose vendor is not the same after a reset.
broken() { "$machine" "do" "fault $third after-reset $1"; }
make_quarantined() {
	broken ones
	"$lease" cycle 1 $third || :
	wait_for "$third is quarantined" is_state $third quarantined
	broken off
}
clear() { "$vfioctl" quarantine clear $third; }
quarantined_again() { is_state $third quarantined || { is_state $third free && make_quarantined; }; }

# The owner is another one, and the same function stays with its driver.
owner() { "$vfioctl" show $first --json | sed -n 's/.*"owner_uid": *\([0-9]*\).*/\1/p'; }
hand_on() { "$vfioctl" assign $first --user 1001; }
handed_back() {
	is_state $first free || return
	case $(owner) in 0) ;; 1001) "$vfioctl" assign $first --user root && [ "$(owner)" = 0 ] ;; *) return 1 ;; esac
}

driver() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")"; }
assign_group() { "$vfioctl" assign $member --user root; }
release_group() { "$vfioctl" release $member; }
# Both functions are the host's, or both are not.
group_is_the_hosts() {
	! is_state $member free || release_group
	is_state $member unmanaged && [ "$(driver $member) $(driver $companion)" = "nvme nvme" ]
}
group_is_assigned() {
	is_state $member free || assign_group
	is_state $member free && [ "$(driver $member) $(driver $companion)" = "vfio-pci vfio-pci" ]
}

assign_vfs() { "$vfioctl" assign $card --vfs 2 --user root; }
release_vfs() { "$vfioctl" release $card; }
has_vfs() { [ "$(cat /sys/bus/pci/devices/$card/sriov_numvfs)" = "$1" ]; }
are_made() { "$vfioctl" show $card --json | grep -q '"virtual_functions_assigned": *true'; }
no_vfs() {
	! are_made || release_vfs
	has_vfs 0 && [ "$(driver $card) $(cat /sys/bus/pci/devices/$card/sriov_drivers_autoprobe)" = "igb 1" ]
}
both_free() { has_vfs 2 && is_state 0000:01:01.0 free && is_state 0000:01:01.1 free; }
# A release that has failed with some of them is run again.
two_vfs() {
	both_free || {
		! are_made || release_vfs
		assign_vfs
	}
	both_free
}
hold() {
	: >$dir/held
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

"$vfiod" --check-config -c $dir/vfiod.conf >$dir/out 2>&1 || fail "the configuration is good"
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

each "hand-on" hand_on handed_back
"$vfioctl" assign $third --user root
make_quarantined
each "CLEAR" clear quarantined_again
each "ASSIGN with companions" assign_group group_is_the_hosts
assign_group
each "UNASSIGN with companions" release_group group_is_assigned
each "ASSIGN_VFS" assign_vfs no_vfs
assign_vfs
each "UNASSIGN of virtual functions" release_vfs two_vfs

# ---- a start that finds all of that, and a lease --------------------------------------------------------------
# all_found N: what was leased is so, and what was not is as it was, or is quarantined since there was no memory to look.
all_found() {
	local function
	wait_for "a start, $1: nothing is under way" is_settled
	kill -0 $held 2>/dev/null || fail "a start, $1: the lease goes on"
	is_listed $second leased || fail "a start, $1: what is leased is known to be"
	is_listed $third quarantined || fail "a start, $1: what is quarantined is known to be"
	for function in $first $member 0000:01:01.0 0000:01:01.1; do
		is_listed $function free || quarantined_by_want $function || fail "a start, $1: $function is free"
	done
	are_made && has_vfs 2 || fail "a start, $1: virtual functions are known to be vfiod's"
}
is_settled() { "$vfioctl" list --all >$dir/list && ! grep -qE ' [a-z]+ing( |$)' $dir/list; }
is_listed() { grep -qE "^$1 .* $2( |\$)" $dir/list; }
quarantined_by_want() { is_listed "$1" quarantined && "$vfioctl" quarantine clear "$1" && is_state "$1" free; }

hold
stop_vfiod
failed=0 hit=1
for ((n = 1; hit; n += ${STEP:-1})); do
	PAUSE=0.01 begin_vfiod $n
	"$nth" hit $dir/control && hit=1 || hit=
	if says_ready; then
		"$nth" arm $dir/control 1000000000
	else
		wait "$pid" && fail "a start, $n: it ended as if all were well"
		[ -s $dir/log ] || fail "a start, $n: it failed without a word"
		failed=$((failed + 1))
		PAUSE=0.01 start_vfiod
	fi
	all_found $n >$dir/out 2>&1 || fail "a start, $n: $(cat $dir/out)"
	stop_vfiod
done
tell "vfiod's start with a lease and more" "$(((n - 1) / ${STEP:-1} - 1)) allocations failed, $failed runs with them"
start_vfiod
kill $held
wait $held || :
is_free $second
stop_vfiod
echo "figure: $total allocations failed"
