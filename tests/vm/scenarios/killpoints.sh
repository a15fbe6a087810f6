#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vfiod is killed before one of the system calls that it makes when it gives a function away, cleans it after its client,
# takes it back, takes it from the host or gives it back to that, alone or along with a neighbour: whichever that is, no
# function is stuck, and none is handed out twice.
#
# Each occasion is seen once as it is, which lists its calls (clients/killpoint.c says which calls count); then vfiod is
# killed before some of them, or before each. KILLPOINTS is how many of each occasion, 4 unless it says otherwise, or
# "all", or "journal": before and after each by which something is written down, in the journal or in what is kept.
# KILLPOINTS_SEED repeats the choices of a run.
# run-options: --single
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
companion=	# of another one, later
some=${KILLPOINTS:-4}
seed=${KILLPOINTS_SEED:-$RANDOM}
client=/run/client
point=""
said_by_the_dead=""
killed=0 unreached=0 held=0 undone=0 answered=0

mkfifo /run/nothing
exec {nothing}<>/run/nothing
pause() { read -r -t 0.02 -u "$nothing" _ || true; }

# no SENTENCE: it does not hold; with what there is to know about it.
no() {
	echo "# KILLPOINTS_SEED=$seed, $occasion, killed before $point; the vfiod that died said:"
	tail -n 20 <<<"$said_by_the_dead" | sed 's/^/#   /'
	grep -H . $client $client.said /run/revoked | sed 's/^/# /' || true
	ps -C pattern -o pid,ppid,stat,wchan:30,cmd | sed "s/^/# /" || true
	[ -z "$process" ] || grep -sH . "/proc/$process"/{syscall,stack} | sed 's/^/# /' || true
	fail "$*"
}

# await SENTENCE COMMAND...
await() {
	local sentence=$1 deadline=$((SECONDS + WAIT_SECONDS))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || no "$sentence (not within $WAIT_SECONDS s)"
		pause
	done
}

# ---- the client: both users take turns, and both may have the function -----------------------------------------

user=alice job=0
start_client() {
	if [ $user = alice ]; then user=bob; else user=alice; fi
	: >$client
	as $user:pcilab pattern $edu "$RANDOM" 1<>$client 2>$client.said &
	job=$!
}
process="" count=0
ask() { read -r process count <$client || { process="" count=0; return 1; }; }
runs() { alive "$job"; }
ended() { ! runs; }
works() { ask && [ "$count" -ge "$1" ]; }
works_or_ended() { works "$1" || ended; }

# ends_with STATUS
ends_with() {
	local status=0
	await "the client ends" ended
	wait "$job" 2>/dev/null || status=$?
	[ $status = "$1" ] || no "the client ends with status $1 (it was $status)"
}

get_lease() {
	start_client
	await "$user's client gets the function" works_or_ended 1
	runs || no "$user's client gets the function"
}

end_client() {
	ask
	kill -TERM "$process"
}

# ---- what vfiod says -----------------------------------------------------------------------------------------------

look() {
	read -r state holder warm < <(vfioctl show $edu --json | awk -F'"' '
		$2 == "state" { state = $4 }
		$2 == "holder_pid" { gsub(/[^0-9]/, "", $3); holder = $3 ? $3 : "-" }
		$2 == "warm" { gsub(/[^a-z]/, "", $3); print state, holder, $3 }')
}
is_free() { look && [ "$state" = free ]; }
# settled: it is free, and opened in advance where it is to be
settled() { is_free && { [ "$warm" = true ] || [ $occasion = cold ]; } && idle; }
handles_are() { [ "$(table)" = "$1" ]; }

# ---- an occasion -----------------------------------------------------------------------------------------------------

# prepare: vfiod runs, and the function is free or leased, as the occasion wants it.
prepare() {
	[ -n "$vfiod_pid" ] || start_vfiod
	await "the function is free" settled
	case $occasion in
	acquire | cold | release) ;;
	assign | along) quietly vfioctl release $edu ;;
	back) ;;
	*) get_lease ;;
	esac
	await "vfiod has nothing to do" idle
	: >/run/revoked
}

revoker=
act() {
	revoker=
	case $occasion in
	acquire | cold) start_client ;;
	end) end_client ;;
	revoke) vfioctl revoke $edu --grace 0 >/run/revoked 2>&1 & revoker=$! ;;
	announce) vfioctl revoke $edu --grace 0.1 >/run/revoked 2>&1 & revoker=$! ;;
	assign | along) vfioctl assign $edu --group pcilab >/run/revoked 2>&1 & revoker=$! ;;
	release | back) vfioctl release $edu >/run/revoked 2>&1 & revoker=$! ;;
	esac
}

# under_trace [POINT]: does it with vfiod before the eyes of killpoint, whose process is $tracer.
tracer=
under_trace() {
	: >/run/killpoint	# before the look for "ready": one of before is not meant
	killpoint "$vfiod_pid" "$@" >/run/killpoint 2>&1 &
	tracer=$!
	await "vfiod is traced" grep -q ready /run/killpoint
	act
}

# quiet: what was to be done is done, and vfiod has had nothing to do for ten looks in a row.
looks=0
quiet() {
	looks=$((looks + 1))
	case $occasion in
	acquire | cold) works_or_ended 1 || looks=0 ;;
	end) ended || looks=0 ;;
	*) ! alive "$revoker" || looks=0 ;;
	esac
	idle || looks=0
	[ $looks -ge 10 ]
}

# record: what calls there are.
record() {
	prepare
	looks=0
	under_trace
	await "vfiod has done it" quiet
	kill -TERM $tracer
	wait $tracer || true
	grep '^[0-9]' /run/killpoint >/run/points.$occasion
	case $occasion in
	acquire | cold) end_client; ends_with 0 ;;
	end) ends_with 0 ;;
	assign | along) wait "$revoker" || no "it is assigned" ;;
	release | back) wait "$revoker" || no "it is released"; quietly vfioctl assign $edu --group pcilab ;;
	*) wait "$revoker" || true; ends_with 3 ;;
	esac
}

# die POINT: vfiod is killed there; or, if it does not come there, when there is nothing more to do.
dead() { ! alive $tracer; }
dead_or_quiet() { dead || quiet; }
die() {
	looks=0
	# shellcheck disable=SC2086 # two words
	under_trace ${1% *}
	await "vfiod comes to that call, or has nothing to do" dead_or_quiet
	if dead && wait $tracer 2>/dev/null; then
		killed=$((killed + 1))
	else
		unreached=$((unreached + 1))
		echo "# $occasion: vfiod did not come to $1"
		kill -KILL "$vfiod_pid"
	fi
	wait "$vfiod_pid" 2>/dev/null || true
	vfiod_pid=
	said_by_the_dead=$(<"$vfiod_log")
	answered=1
	if [ -n "$revoker" ] && wait "$revoker" 2>/dev/null; then answered=0; fi
}

# is_held: the client that works has the lease, and nobody else gets one.
is_held() {
	held=$((held + 1))
	[ "$state $holder" = "leased $process" ] || no "the function is leased to the client that works ($state $holder)"
	await "the client goes on" works $((count + 2))
	handles_are 2 || no "the lease has its two handles ($(table))"
	if said=$(as alice:pcilab lease cycle 1 $edu 2>&1); then no "a second lease is refused"; fi
	[[ $said == *"leased to user"* ]] || no "a second lease is refused since there is a first: $said"
	runs || no "the client goes on"
}

# check_acquired: the client has it, and works; or it knows that it has nothing, and gets it when it asks again.
check_acquired() {
	await "the client works, or knows that it has nothing" works_or_ended 1
	if runs; then
		look
		is_held
	else
		ends_with 4
		await "nobody has it, and it is free" is_free
		await "nothing of it is left in the module" handles_are 0
		get_lease
		look
		[ "$state $holder" = "leased $process" ] || no "the next one has it"
	fi
	end_client
	ends_with 0
}

# was_announced: the revocation of the lease that $process had.
was_announced() {
	[[ $said_by_the_dead =~ "(pid $process), lease "([0-9]+) ]] && [[ $said_by_the_dead == *"lease ${BASH_REMATCH[1]} of user"*"is to end"* ]]
}

# check_taken_back: what had begun when vfiod died is finished; or the client works on, and it is taken back now.
check_taken_back() {
	look
	if [ "$state" = leased ]; then
		ask || true
		if was_announced; then no "a revocation that was announced is carried out"; fi
		is_held
		quietly vfioctl revoke $edu --grace 0
	fi
	ends_with 3
}

# the_hosts: nothing of vfiod is left on it, and it is not kept for the next boot.
companion_is_back() { [ "$(driver_of $companion) $(override_of $companion)" = "e1000 (null)" ]; }
the_hosts() {
	[ -z "$companion" ] || await "the companion has its driver again" companion_is_back
	[ -z "$(driver_of $edu)" ] || no "the host has it with the driver that it had before, none ($(driver_of $edu))"
	[ "$(override_of $edu)" = "(null)" ] || no "it has no driver_override ($(override_of $edu))"
	[ ! -e /var/lib/vfiod/assigned/$edu ] || no "its assignment is not kept"
}

# check_assigned: it is, or it is the host's as before; for sure it is where somebody was told so.
is_at_rest() { look && { [ "$state" = free ] || [ "$state" = unmanaged ]; }; }
check_assigned() {
	await "it is assigned, or the host's" is_at_rest
	if [ "$state" = unmanaged ]; then
		[ $answered != 0 ] || no "an assignment of which somebody was told holds"
		the_hosts
		undone=$((undone + 1))
		quietly vfioctl assign $edu --group pcilab
	fi
	[ -e /var/lib/vfiod/assigned/$edu ] || no "its assignment is kept"
	[ -z "$companion" ] || [ "$(field $companion state)" = companion ] || no "its companion is with it"
}

# check_released: the same of the way back.
check_released() {
	await "it is the host's, or assigned" is_at_rest
	if [ "$state" = free ]; then
		[ $answered != 0 ] || no "a release of which somebody was told holds"
		quietly vfioctl release $edu
	fi
	the_hosts
	quietly vfioctl assign $edu --group pcilab
}

# kill_at POINT
kill_at() {
	point=$1
	prepare
	die "$1"
	start_vfiod
	case $occasion in
	acquire | cold) check_acquired ;;
	assign | along) check_assigned ;;
	release | back) check_released ;;
	end) ends_with 0 ;;
	*) check_taken_back ;;
	esac
	await "the function is free" is_free
	await "nothing of it is left in the module" handles_are 0
}

# journal_steps: of the calls on standard input those that write something down, and the ones behind them.
journal_steps() {
	awk '$3 ~ /^(pwrite64|rename|renameat|unlink|unlinkat|fsync)$/ { print; behind = 1; next }
		behind { print; behind = 0 }'
}

# ---- all of it ---------------------------------------------------------------------------------------------------------

load_handles
load e1000
use_clients
RANDOM=$seed
echo "# KILLPOINTS_SEED=$seed"
start_vfiod
quietly vfioctl assign $edu --group pcilab
for occasion in acquire end revoke announce assign release cold along back; do
	if [ $occasion = cold ]; then
		stop_vfiod
		configure <<<"warm-devices = 0"
		start_vfiod
	elif [ $occasion = along ]; then
		edu=0000:09:01.0 companion=0000:09:02.0
		wait_for "e1000 has the companion" driver_is $companion e1000
		stop_vfiod
		configure <<<"rule \"a bus\" { address = \"$edu\"  reset = \"best-effort\"  companions = \"bind\" }"
		start_vfiod
		quietly vfioctl assign $edu --group pcilab
	fi
	record
	mapfile -t points </run/points.$occasion
	total=${#points[@]}
	[ "$total" -ge 10 ] || { sed 's/^/# /' /run/killpoint; fail "$occasion: there are system calls ($total)"; }
	if [ "$some" = journal ]; then
		mapfile -t points < <(journal_steps </run/points.$occasion)
		[ ${#points[@]} -ge 2 ] || fail "$occasion: something is written down"
	elif [ "$some" != all ]; then
		chosen=()
		for ((n = 0; n < some; n++)); do	# one of each part, so that they are spread
			chosen+=("${points[total * n / some + RANDOM % ((total + some - 1) / some)]:-${points[-1]}}")
		done
		points=("${chosen[@]}")
	fi
	before=$unreached
	for at in "${points[@]}"; do kill_at "$at"; done
	ok "F16 $occasion: vfiod is killed before ${#points[@]} of $total system calls, and the next one has all in order"
	[ $((unreached - before)) -le $((${#points[@]} / 2)) ] || fail "$occasion: it comes to most of them"
done

stop_vfiod
check "the module can be unloaded when nobody uses it" rmmod vfiod_handle
echo "figure: vfiod killed before $killed system calls ($unreached more did not come), $held leases went on, \
$undone assignments were undone"
finish
