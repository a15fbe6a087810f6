#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/bench/restarts.sh [COUNT]: vfiod is killed COUNT times (30) on a machine with 500 functions, while leases of all of
# them come and go: no lease is lost, no function handed out twice, and every end of a lease is followed by a reset.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/daemon.sh

functions=500

# all_free: every function is free, and nobody has a handle.
all_free() {
	[ "$("$build/vfioctl/vfioctl" list --json | grep -c '"state": *"free"')" = $functions ] &&
		! fake state | grep -q '^handle'
}

# clean: no function's bus mastering is on, bit 2 of its byte 4, nor set what a reset alone clears, byte 0x3c.
clean() {
	cat /sys/bus/pci/devices/*/config | od -An -v -tx1 -w4096 |
		awk '$5 ~ /[4-7c-f]$/ || $61 != "00" { bad = 1 } END { exit bad }'
}

leases() { fake state | grep -c '^handle .* kind 1 .* state 1'; }

within() {
	local count=$1 churn killed leases most=0 least=$functions start
	mapfile -t addresses < <(ls /sys/bus/pci/devices)
	configure <<-'CONF'
		connections-per-user = 0
		requests-per-second = 0
	CONF
	vfiod
	assign "${addresses[@]}"
	"$build/tests/bench/churn" /run/vfiod 20 "${addresses[@]}" >/run/bench/churn &
	churn=$!
	until [ "$(leases)" -ge $((functions * 9 / 10)) ]; do
		kill -0 $churn 2>/dev/null || exit 1
		sleep 0.5
	done
	start=$SECONDS
	for ((killed = 0; killed < count; killed++)); do
		sleep "0.$((RANDOM % 40 + 10))"
		kill -KILL $vfiod
		wait $vfiod 2>/dev/null
		cat /run/bench/log >>/run/bench/logs
		leases=$(leases)
		[ "$leases" -le "$most" ] || most=$leases
		[ "$leases" -ge "$least" ] || least=$leases
		kill -0 $churn 2>/dev/null || break
		vfiod
	done
	echo "figure: killed $killed times in $((SECONDS - start)) s, with $least to $most leases"
	[ "$least" -ge $((functions * 4 / 5)) ] || {
		echo "restarts.sh: vfiod was killed under $least leases only" >&2
		failed=1
	}
	kill -TERM $churn
	wait $churn || failed=1
	for ((tries = 0; tries < 300; tries++)); do
		all_free && break
		sleep 0.1
	done
	all_free && clean || {
		echo "restarts.sh: not all of it has ended" >&2
		"$build/vfioctl/vfioctl" list | grep -v ' free$' | head >&2
		fake state | grep '^handle' | head >&2
		failed=1
	}
	cat /run/bench/log >>/run/bench/logs
	echo "figure: $(grep -c ' leased to user' /run/bench/logs) leases, $(grep -c ' ended, reset' /run/bench/logs) ends"
	[ $failed = 0 ] || tail -n 50 /run/bench/logs >&2
}

if [ "${1-}" = --within ]; then
	within "$2"
	exit $failed
fi
within=("${1:-30}")
make -s -C "$build" tests/bench/churn >&2 && on_machine --functions $functions
