#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/fuzz/pcicfg.sh [SECONDS]: fuzz libpcicfg, 60 seconds if nothing is said. What it finds is left in build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."

mkdir -p build/fuzz/pcicfg-corpus
clang -std=gnu11 -g -O1 -fsanitize=fuzzer -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all -I. \
	tests/fuzz/fuzz_pcicfg.c tests/unit/pcicfg_{hw,owner}.c libpcicfg/*.c -o build/fuzz/fuzz_pcicfg
build/fuzz/fuzz_pcicfg -max_total_time="${1:-60}" -max_len=8192 -rss_limit_mb=1024 -print_final_stats=1 \
	-artifact_prefix=build/fuzz/ build/fuzz/pcicfg-corpus tests/fuzz/corpus/pcicfg 2>&1 |
	tee build/fuzz/pcicfg.log | tail -n 30
grep -q '^Done ' build/fuzz/pcicfg.log
sed -nE 's/^Done ([0-9]+) runs in ([0-9]+) second.*/figure: \1 inputs in \2 seconds without a finding/p' build/fuzz/pcicfg.log
