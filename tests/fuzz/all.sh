#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/fuzz/all.sh [SECONDS [NAME...]]: fuzz vfiod's decoders and its dispatcher, each for 60 seconds if nothing else is
# said, as many beside each other as there are processors. What they find, and their logs, are left in build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-60}
names=(daemon config kernel wire journal address)
[ $# -lt 2 ] || names=("${@:2}")
declare -A longest=([daemon]=2048 [config]=2048 [kernel]=4096 [wire]=4200 [journal]=4097 [address]=128)

# one NAME: runs one fuzzer to its end
one() {
	local name=$1 dict=tests/fuzz/$1.dict
	mkdir -p "build/fuzz/$name-corpus"
	build/fuzz/fuzz_"$name" -max_total_time="$seconds" -max_len="${longest[$name]}" -rss_limit_mb=1024 -timeout=10 \
		-print_final_stats=1 -artifact_prefix="build/fuzz/$name-" ${dict:+$([ ! -e "$dict" ] || echo "-dict=$dict")} \
		"build/fuzz/$name-corpus" "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1
}

tell() {
	if sed -nE "s/^Done ([0-9]+) runs in ([0-9]+) second.*/figure: $1: \1 inputs in \2 seconds without a finding/p" \
		"build/fuzz/$1.log" | grep .; then
		return
	fi
	tail -n 40 "build/fuzz/$1.log"
	echo "fuzz_$1 has found something: build/fuzz/$1.log"
	return 1
}

mkdir -p build/fuzz
make -s -j"$(nproc)" -f tests/fuzz/fuzz.mk "${names[@]/#/build/fuzz/fuzz_}"
for name in "${names[@]}"; do
	while [ "$(jobs -pr | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
	one "$name" &
done
wait || true
status=0
for name in "${names[@]}"; do tell "$name" || status=1; done
exit $status
