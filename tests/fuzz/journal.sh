#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/fuzz/journal.sh [SECONDS]: fuzz the journal's decoder, 60 seconds if nothing is said. What it finds is left in
# build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."

mkdir -p build/fuzz/journal-corpus
clang -std=gnu11 -g -O1 -fsanitize=fuzzer -fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all -I. \
	tests/fuzz/fuzz_journal.c vfiod/journal.c vfiod/state.c -o build/fuzz/fuzz_journal
build/fuzz/fuzz_journal -max_total_time="${1:-60}" -max_len=4097 -rss_limit_mb=1024 -print_final_stats=1 \
	-artifact_prefix=build/fuzz/ build/fuzz/journal-corpus tests/fuzz/corpus/journal 2>&1 |
	tee build/fuzz/journal.log | tail -n 30
grep -q '^Done ' build/fuzz/journal.log
sed -nE 's/^Done ([0-9]+) runs in ([0-9]+) second.*/figure: \1 inputs in \2 seconds without a finding/p' build/fuzz/journal.log
