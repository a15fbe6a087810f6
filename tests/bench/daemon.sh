# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the benchmarks of vfiod have in common: they run on a fake machine (tests/fake), and start vfiod there.

build=$PWD/build/default
machine=$build/tests/fake/machine
failed=0 # bar() sets it, the script ends with it
within=()
export failed

# on_machine OPTION...: runs the script, with "--within" and its arguments, on a machine of its own.
on_machine() {
	if [ "$(id -u)" != 0 ]; then
		echo "${0##*/}: a fake machine needs root"
		exit 77
	fi
	make -s -C "$build" tests/bench/client tests/fake/machine tests/fake/preload.la >&2 &&
		"$machine" run "$@" -- "$0" --within "${within[@]}"
}

# client WAY ...
client() { "$build/tests/bench/client" /run/vfiod "$@"; }

fake() { "$machine" "do" "$@"; }

configure() {
	mkdir -p /run/bench/state
	cat >/run/bench/conf
	export TMPDIR=/run/bench
}

# vfiod [PROGRAM...]: starts it, by PROGRAM where there is one, and waits until it is ready. It is $vfiod.
vfiod() {
	: >/run/bench/log
	LD_PRELOAD=$FAKE_PRELOAD "$@" "$build/vfiod/vfiod" --config /run/bench/conf --state-dir /run/bench/state \
		2>>/run/bench/log &
	vfiod=$!
	until grep -q 'ready:' /run/bench/log; do
		if ! kill -0 $vfiod 2>/dev/null; then
			cat /run/bench/log >&2
			exit 1
		fi
		sleep 0.005
	done
}

end_vfiod() {
	kill -TERM $vfiod
	wait $vfiod
}

# assign ADDRESS...: to $user, or to root.
assign() { client assign "${user:-0}" "$@" || exit 1; }

# neighbours WAY COUNT [UID [ADDRESS...]]: clients that are there until the end; waits until they are.
others=()
neighbours() {
	local way=$1 count=$2 uid=${3:-0}
	shift $(($# < 3 ? $# : 3))
	rm -f "/run/bench/ready.$way"
	setpriv --reuid "$uid" --clear-groups "$build/tests/bench/client" /run/vfiod "$way" "$count" "$@" \
		>"/run/bench/ready.$way" &
	others+=($!)
	until [ -s "/run/bench/ready.$way" ]; do
		kill -0 $! || exit 1
		sleep 0.01
	done
}

end_neighbours() {
	kill -KILL "${others[@]}"
	wait "${others[@]}" 2>/dev/null
	others=()
}

# bar WHAT VALUE LIMIT: VALUE is to be at most LIMIT.
bar() {
	if ! awk -v value="$2" -v limit="$3" 'BEGIN { exit !(value + 0 <= limit + 0 && value != "") }'; then
		echo "${0##*/}: $1 is $2, and at most $3 is allowed" >&2
		failed=1
	fi
}

# ratio A B: A / B
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", b ? a / b : 999 }'; }
