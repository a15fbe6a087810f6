#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/bench/pcicfg.sh [instructions|memory]: what libpcicfg costs, and fails if it is more than promised. Instructions as
# callgrind counts them, without those of the accessor: 60 for a plain register, however many capabilities there are, and
# 20000 to open a function; a register that is in part the host's costs a read-modify-write. Memory: 12 KiB for 4096 bytes.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=build/default
times=1000
over=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# instructions WHAT CAPABILITIES: those of one call
instructions() {
	valgrind -q --tool=callgrind --callgrind-out-file="$work/out" --toggle-collect=bench_times \
		"$build/tests/bench/pcicfg" "$1" "$2" >/dev/null 2>&1
	callgrind_annotate --threshold=100 --auto=no "$work/out" |
		awk -v times=$times '/^ *[0-9,]+ \([ 0-9.]+%\)  / && !/:bench_|PROGRAM TOTALS|strcmp/ {
			gsub(",", "", $1); sum += $1 } END { printf "%d\n", (sum + times - 1) / times }'
}

declare -A cost # of each bench, by its name

# bench NAME LIMIT WHAT CAPABILITIES
bench() {
	cost[$1]=$(instructions "$3" "$4")
	echo "bench $1 ${cost[$1]} instructions"
	if [ "${cost[$1]}" = 0 ] || [ "${cost[$1]}" -gt "$2" ]; then
		echo "pcicfg.sh: $1 takes ${cost[$1]} instructions, and at most $2 are allowed" >&2
		over=1
	fi
}

# same WHAT: it costs the same with 8 capabilities and with 20.
same() {
	if [ "${cost[pcicfg_$1_8]}" != "${cost[pcicfg_$1_20]}" ]; then
		echo "pcicfg.sh: $1 takes ${cost[pcicfg_$1_8]} instructions with 8 capabilities, ${cost[pcicfg_$1_20]} with 20" >&2
		over=1
	fi
}

count_instructions() {
	local capabilities
	for capabilities in 8 20; do
		bench "pcicfg_read_$capabilities" 60 read $capabilities
		bench "pcicfg_read_virtual_$capabilities" 60 read-virtual $capabilities
		bench "pcicfg_write_$capabilities" 60 write $capabilities
		bench "pcicfg_write_virtual_$capabilities" 130 write-virtual $capabilities
		bench "pcicfg_write_beside_$capabilities" 170 write-beside $capabilities
	done
	bench pcicfg_open_20 20000 open 20
	same read
	same write
	echo "figure: read ${cost[pcicfg_read_20]}, write ${cost[pcicfg_write_20]} instructions, with 8 as with 20 capabilities"
	echo "figure: virtual ${cost[pcicfg_write_virtual_20]}, beside the host's bits ${cost[pcicfg_write_beside_20]}"
	echo "figure: open ${cost[pcicfg_open_20]}"
}

count_memory() {
	local size
	size=$("$build/tests/bench/pcicfg" size)
	echo "bench pcicfg_state $size bytes"
	echo "figure: $size bytes"
	[ "$size" -le $((12 * 1024)) ] || over=1
}

make -s -C "$build" tests/bench/pcicfg
case ${1:-all} in
all) count_instructions; count_memory ;;
instructions) count_instructions ;;
memory) count_memory ;;
*) sed -n '3,5s/^# //p' "$0" >&2; exit 2 ;;
esac
exit $over
