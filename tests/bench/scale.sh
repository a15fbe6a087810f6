#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/bench/scale.sh [ready|cost|wire]: what vfiod costs on a machine with 4,096 functions in 2,048 groups, and fails if
# it is more than promised. ready: in 2 s, with 16 MiB. cost: a lease (asked for, given back, cleaned, opened in advance
# again) and a denial take as many instructions and system calls with 4 functions as with 4,096, and with 5,000 other
# connections, within 5 %. wire: a lease takes at most 1.25 times a bare exchange of the same files, its client on one
# processor and vfiod on another; on the same one it is printed only: all that vfiod does for it counts fully there.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/daemon.sh

leases=40 denials=200 rounds=2000
first=0000:00:00.0 second=0000:00:01.0 nobodys=0000:00:00.1

begin() {
	configure <<-'CONF'
		connections-per-user = 0
		connections = 0
		requests-per-second = 0
		client-timeout = 1
	CONF
}

ready() {
	local start end size
	begin
	start=${EPOCHREALTIME/./}
	vfiod
	end=${EPOCHREALTIME/./}
	size=$(awk '/^VmRSS/ { print $2 }' /proc/$vfiod/status)
	echo "bench vfiod_ready_4096 $(((end - start) / 1000)) ms"
	echo "bench vfiod_resident_4096 $size KiB"
	bar "the time until it is ready, in ms," $(((end - start) / 1000)) 2000
	bar "what is resident, in KiB," "$size" 16384
	end_vfiod
}

# count_calls WAY COUNT ADDRESS...: system calls of one of them.
count_calls() {
	local tracer calls
	strace -qqq -f -c -U calls,name -o /run/bench/calls -p $vfiod &
	tracer=$!
	until grep -q "TracerPid:[[:space:]]*$tracer\$" /proc/$vfiod/status; do sleep 0.01; done
	client "$@" >/dev/null || exit 1
	kill -INT $tracer
	wait $tracer
	calls=$(awk '$2 == "total" { print $1 }' /run/bench/calls)
	ratio "$calls" "$2"
}

# dump: has callgrind write what it has counted since the last time, and prints it.
dump() {
	rm -f /run/bench/instructions.*
	callgrind_control --dump $vfiod >/dev/null 2>&1 || exit 1
	until grep -qs '^totals:' /run/bench/instructions.*; do sleep 0.05; done
	awk '/^totals:/ { sum += $2 } END { printf "%d", sum }' /run/bench/instructions.*
}

# count_instructions WAY COUNT ADDRESS...: instructions of one of them; vfiod runs under callgrind.
count_instructions() {
	dump >/dev/null	# --zero forgets not all
	client "$@" >/dev/null || exit 1
	ratio "$(dump)" "$2"
}

# await_quiet: until vfiod has done nothing for two seconds: it has given up to wait for who is there to read an answer.
await_quiet() {
	local before='' now
	until now=$(cut -d' ' -f14,15 /proc/$vfiod/stat) && [ "$now" = "$before" ]; do
		before=$now
		sleep 2
	done
}

# counted NAME COUNT: prints, for both of a lease and a denial.
counted() {
	client lease 4 $first $second >/dev/null || exit 1	# what is done once
	client deny 4 $nobodys || exit 1
	await_quiet
	echo "lease_$1 $(count_"$1" lease $leases $first $second)"
	echo "denial_$1 $(count_"$1" deny $denials $nobodys)"
}

cost() {
	begin
	vfiod
	assign $first $second
	[ "$1" = 0 ] || neighbours idle "$1"
	counted calls
	end_vfiod
	rm -rf /run/bench/state
	begin
	FAKE_NO_FILTER=1 vfiod valgrind -q --tool=callgrind --instr-atstart=yes \
		--callgrind-out-file=/run/bench/instructions
	assign $first $second
	[ "$1" = 0 ] || neighbours idle "$1"
	counted instructions
	kill -KILL $vfiod
}

wire() {
	begin
	vfiod taskset --cpu-list 1
	assign $first $second
	client compare $rounds $first $second || exit 1
	client share $rounds $first $second || exit 1
}

within=()
if [ "${1-}" = --within ]; then
	shift
	"$@"
	exit $failed
fi

# same WHAT REFERENCE NAME: of figures of the two, all are the same within 5 %.
same() {
	local name value reference ratio
	while read -r name value; do
		reference=$(sed -n "s/^$name //p" <<<"$2")
		ratio=$(ratio "$value" "$reference")
		echo "bench vfiod_${name}_$3 $value ${name#*_} ratio $ratio vs $reference $4"
		bar "$name $3, against $4," "$ratio" 1.05
		bar "the other way round" "$(ratio "$reference" "$value")" 1.05
	done <<<"$1"
}

all_costs() {
	local few many busy
	within=(cost 0)
	few=$(on_machine --functions 4 --groups 2 --driver '') || exit 1
	many=$(on_machine --functions 4096 --groups 2048 --driver '') || exit 1
	within=(cost 5000)
	busy=$(on_machine --functions 4096 --groups 2048 --driver '') || exit 1
	same "$many" "$few" 4096_functions "with 4"
	same "$busy" "$many" 5000_connections "with none"
}

all_wire() {
	local compared figures
	if [ "$(nproc)" -lt 2 ]; then
		echo "scale.sh: a client and vfiod are to have a processor each, and this machine has one"
		exit 77
	fi
	within=(wire)
	compared=$(on_machine --functions 16 --driver '') || exit 1
	read -ra figures <<<"$(sed 's/^[a-z]* //' <<<"$compared" | paste -sd' ')"
	echo "bench vfiod_lease ${figures[0]} ns ratio $(ratio "${figures[0]}" "${figures[1]}") vs ${figures[1]} bare exchange"
	bar "a lease, against a bare exchange," "$(ratio "${figures[0]}" "${figures[1]}")" 1.25
	echo "bench vfiod_lease_on_one_processor ${figures[2]} ns ratio $(ratio "${figures[2]}" "${figures[3]}") vs" \
		"${figures[3]} bare exchange"
}

all_ready() {
	within=(ready)
	on_machine --functions 4096 --groups 2048 || failed=1
}

case ${1:-all} in
all) all_ready; all_costs; all_wire ;;
ready | wire) "all_$1" ;;
cost) all_costs ;;
*) sed -n '3,7s/^# //p' "$0" >&2; exit 2 ;;
esac
exit $failed
