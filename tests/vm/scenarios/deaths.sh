#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vfiod is killed again and again, while clients verify every byte of their DMA: no lease is lost, no byte is wrong, and
# what was to end has ended.
#
# Before each death all edus but one are leased. One of the leases is about to end, and somebody asks for the edu that is
# free: vfiod dies at a random moment of that. The other leases have to go on as if nothing had happened. Then the next
# vfiod has one more to give away, and all but one are leased again.
#
# DEATHS_ROUNDS rounds, 12 unless it says otherwise, with DEATHS_EDUS edus, 10 unless it says otherwise (the machine has to
# have them: --edus); DEATHS_SEED repeats the choices of a run.
# run-options: --single --edus 10
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

rounds=${DEATHS_ROUNDS:-12}
seed=${DEATHS_SEED:-$RANDOM}
folder=/run/pattern
functions=()
for ((bus = 0x0a; bus < 0x0a + ${DEATHS_EDUS:-10}; bus++)); do
	printf -v function '0000:%02x:00.0' $bus
	functions+=("$function")
done
last=$((${#functions[@]} - 1))
leases=$((last - 1))	# that go on over a death

# By the index of the function: its user, the shell job that is its client, and how far that was when vfiod died.
user=() job=() base=()
steady=()	# the functions whose leases have nothing to do with what goes on
deaths=0 transfers=0 ended=0 undone=0 granted=0 refused=0
said_by_the_dead=

# A pipe that nobody writes to: reading it with a limit is a pause without a process.
mkfifo /run/nothing
exec {nothing}<>/run/nothing
pause() {
	local seconds
	printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
	read -r -t "$seconds" -u "$nothing" _ || true
}
milliseconds() { now=$((${EPOCHREALTIME/./} / 1000)); }

# no SENTENCE: it does not hold; with what there is to know about it.
no() {
	echo "# DEATHS_SEED=$seed, after $deaths deaths; the vfiod that died last said:"
	tail -n 20 <<<"$said_by_the_dead" | sed 's/^/#   /'
	grep . "$folder"/* | sed 's/^/# /' || true
	fail "$*"
}

# ---- clients -------------------------------------------------------------------------------------------

# start_client INDEX USER: a client of that user asks for the function, which is given to that user first.
start_client() {
	local function=${functions[$1]}
	user[$1]=$2
	: >"$folder/$1"
	{
		vfioctl assign "$function" --user "$2" >/dev/null || exit 4
		as "$2" pattern "$function" "$RANDOM$RANDOM"
	} 1<>"$folder/$1" 2>"$folder/$1.said" &
	job[$1]=$!
}

# ask CLIENT: its $process, and its $count of transfers.
process="" count=0
ask() { read -r process count <"$folder/$1" || { process="" count=0; return 1; }; }

runs() { alive "${job[$1]}"; }

# status_of CLIENT: that it has ended with, in $status.
status=0
status_of() {
	status=0
	wait "${job[$1]}" 2>/dev/null || status=$?
	if ask "$1"; then transfers=$((transfers + count)); fi
}

# moves CLIENT: it has begun and finished a transfer since its $base was noted.
moves() { ask "$1" && [ "$count" -ge $((base[$1] + 2)) ]; }
all_move() {
	local i
	for i in "${steady[@]}"; do moves "$i" || return 1; done
}
moves_or_ended() { moves "$1" || ! runs "$1"; }

# await SENTENCE COMMAND...: as wait_for; but a client that is to go on must not have ended meanwhile.
await() {
	local sentence=$1 deadline=$((SECONDS + WAIT_SECONDS)) i
	shift
	until "$@"; do
		for i in "${steady[@]}"; do runs "$i" || no "the client of ${functions[i]} goes on ($sentence)"; done
		[ "$SECONDS" -lt "$deadline" ] || no "$sentence (not within $WAIT_SECONDS s)"
		pause 20
	done
}

# ---- what vfiod says of the functions ----------------------------------------------------------------------

declare -A state=() holder=()
look() {
	local function what whose
	while read -r function what whose; do
		state[$function]=$what holder[$function]=$whose
	done < <(vfioctl list --json | awk -F'"' '
		!/^    "/ { next }
		$2 == "address" { function_ = $4 }
		$2 == "state" { state = $4 }
		$2 == "holder_pid" { gsub(/[^0-9]/, "", $3); print function_, state, $3 }')
}

# leased_to_its_client INDEX: as of the last look.
leased_to_its_client() {
	ask "$1"
	[ "${state[${functions[$1]}]} ${holder[${functions[$1]}]}" = "leased $process" ]
}
# as_it_should_be FREE: that one is free, all others are leased by who has them.
as_it_should_be() {
	local i
	look
	[ "${state[${functions[$1]}]}" = free ] || return 1
	for i in "${!functions[@]}"; do
		[ "$i" = "$1" ] || leased_to_its_client "$i" || return 1
	done
}

# ---- a round ---------------------------------------------------------------------------------------------

die() {
	kill -KILL "$vfiod_pid"
	wait "$vfiod_pid" 2>/dev/null || true
	deaths=$((deaths + 1))
	said_by_the_dead=$(<"$vfiod_log")
}

announced() { [[ $(<"$vfiod_log") == *"is to end in"* ]]; }

# end_lease WAY INDEX: begins with it.
revoker=
end_lease() {
	ask "$2"
	case $1 in
	release) kill -TERM "$process" ;;
	kill) kill -KILL "$process" ;;
	revoke) vfioctl revoke "${functions[$2]}" --grace 0 >/run/revoked 2>&1 & revoker=$! ;;
	announce)
		vfioctl revoke "${functions[$2]}" --grace 0.5 >/run/revoked 2>&1 & revoker=$!
		await "a revocation is announced" announced
		;;
	esac
}

# has_ended WAY INDEX: the client that had it is gone, as it should be; or, of a revocation that vfiod died before, goes on
# and is revoked now.
has_ended() {
	local way=$1 i=$2 done=0
	case $way in
	release | kill) ;;
	*) wait "$revoker" 2>/dev/null || done=$? ;;
	esac
	if [ "$way" = revoke ] && [ $done != 0 ] && state_is "${functions[i]}" leased; then
		undone=$((undone + 1))
		runs "$i" || no "the client of a lease that goes on does, too"
		base[i]=0
		await "the DMA of a revocation that was not begun goes on" moves "$i"
		quietly vfioctl revoke "${functions[i]}" --grace 0
	fi
	await "the client of ${functions[i]}, whose lease is over ($way), ends" ended_by_itself "$i"
	status_of "$i"
	case $way/$status in
	release/0 | kill/137 | revoke/3 | announce/3) ended=$((ended + 1)) ;;
	*) no "the client of ${functions[i]} ends in good order ($way: exit status $status)" ;;
	esac
}
ended_by_itself() { ! runs "$1"; }

# has_begun INDEX: the client has the lease; vfiod may have died before it had.
has_begun() {
	local i=$1
	base[i]=0
	await "the client of ${functions[i]} has a lease, or knows that it has none" moves_or_ended "$i"
	if runs "$i"; then
		granted=$((granted + 1))
		return
	fi
	status_of "$i"
	[ "$status" = 4 ] || no "the client of ${functions[i]} has no fault (exit status $status)"
	refused=$((refused + 1))
	start_client "$i" "${user[i]}"
	await "the client of ${functions[i]} gets it from the next vfiod" moves_or_ended "$i"
	runs "$i" || no "the client of ${functions[i]} gets it from the next vfiod"
}

# round FREE WAY MOMENT: leaves the next one that is free in $free.
round() {
	local newcomer=$1 way=$2 moment=$3 victim i other=alice after
	victim=$(((newcomer + 1 + RANDOM % (${#functions[@]} - 1)) % ${#functions[@]}))
	after=$((RANDOM % (window + 1)))
	[ "${user[newcomer]}" = bob ] || other=bob
	steady=()
	for i in "${!functions[@]}"; do
		[ "$i" = "$newcomer" ] || [ "$i" = $victim ] || steady+=("$i")
	done
	[ "$moment" != dead ] || die
	end_lease "$way" $victim
	start_client "$newcomer" $other
	pause $after
	[ "$moment" = dead ] || die
	if [ "$moment" = twice ]; then
		vfiod 2>"$vfiod_log" &
		vfiod_pid=$!
		pause $((RANDOM % (startup + 1)))
		die
	fi
	for i in "${steady[@]}"; do ask "$i"; base[i]=$count; done
	start_vfiod
	await "the DMA of all other clients goes on" all_move
	has_ended "$way" $victim
	has_begun "$newcomer"
	await "one is free, and all others are leased by who has them" as_it_should_be $victim
	free=$victim
	ok "vfiod dies ($moment, $after ms) over '$way': $leases clients go on, one has ended, a new one has come"
}

# ---- all of it ---------------------------------------------------------------------------------------------

load_handles
use_clients
mkdir $folder
milliseconds; began=$now
start_vfiod
milliseconds; startup=$((now - began))	# how long vfiod takes for that
free=$last
for i in "${!functions[@]}"; do
	user[i]=bob base[i]=0
	quietly vfioctl assign "${functions[i]}" --user alice
done
milliseconds; began=$now
start_client 0 alice
await "the first client does its DMA" moves 0
milliseconds; window=$((now - began))	# a death comes within the time that a client takes from its start to its DMA
for ((i = 1; i < last; i++)); do start_client "$i" alice; done
for ((i = 0; i < last; i++)); do steady+=("$i"); done
await "all clients do their DMA" all_move

echo "# DEATHS_SEED=$seed"
RANDOM=$seed
ways=(release kill revoke announce)
moments=(during during during twice)
for ((n = 0; n < rounds; n++)); do
	way=${ways[n % 4]}
	moment=${moments[RANDOM % 4]}
	case $way in release | kill) [ $((RANDOM % 4)) != 0 ] || moment=dead ;; esac
	round "$free" "$way" "$moment"
done

steady=()
for i in "${!functions[@]}"; do
	[ "$i" != "$free" ] || continue
	ask "$i"
	kill -TERM "$process"
done
for i in "${!functions[@]}"; do
	[ "$i" != "$free" ] || continue
	status_of "$i"
	equal "the client of ${functions[i]} has verified $count transfers, and found no fault" 0 "$status"
done
for i in "${!functions[@]}"; do
	wait_for "${functions[i]} is free" state_is "${functions[i]}" free
done
ok "all functions are free"
stop_vfiod
equal "no handle is open anywhere" "" "$(find /proc/[0-9]*/fd -lname 'anon_inode:\[vfiod-*' 2>/dev/null)"
check "the module can be unloaded" rmmod vfiod_handle
echo "figure: $deaths deaths of vfiod under $leases leases, $transfers transfers verified, $ended leases ended ($undone asked for \
again), $granted new ones granted and $refused told that vfiod was gone"
finish
