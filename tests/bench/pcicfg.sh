#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/bench/pcicfg.sh [BUILD-FOLDER]: what libpcicfg costs, in instructions as callgrind counts them, without those of
# the accessor. Fails if it is more than promised: 60 for a plain register, and 20000 to open a function. A register that
# is in part the host's costs a read-modify-write.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=${1:-build/default}
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

# bench NAME LIMIT WHAT CAPABILITIES
bench() {
	local value
	value=$(instructions "$3" "$4")
	echo "bench $1 $value instructions"
	if [ "$value" = 0 ] || [ "$value" -gt "$2" ]; then
		echo "pcicfg.sh: $1 takes $value instructions, and at most $2 are allowed" >&2
		over=1
	fi
}

make -s -C "$build" tests/bench/pcicfg
for capabilities in 8 20; do
	bench "pcicfg_read_$capabilities" 60 read $capabilities
	bench "pcicfg_read_virtual_$capabilities" 60 read-virtual $capabilities
	bench "pcicfg_write_$capabilities" 60 write $capabilities
	bench "pcicfg_write_virtual_$capabilities" 130 write-virtual $capabilities
	bench "pcicfg_write_beside_$capabilities" 170 write-beside $capabilities
done
bench pcicfg_open_20 20000 open 20
echo "bench pcicfg_state $("$build/tests/bench/pcicfg" size) bytes"
exit $over
