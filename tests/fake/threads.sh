#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/fake/threads.sh BUILD THREAD-BUILD [SECONDS]: vfiod, built with ThreadSanitizer in THREAD-BUILD, on the fake
# machine of BUILD under clients that come and go, reloads, and functions that come and go, for 15 s if nothing is said.
set -euo pipefail

build=$(cd "${1:?usage: tests/fake/threads.sh BUILD THREAD-BUILD}" && pwd)
threaded=$(cd "${2:?usage: tests/fake/threads.sh BUILD THREAD-BUILD}" && pwd)
seconds=${3:-15}
self=$(cd "${0%/*}" && pwd)/${0##*/}
machine=$build/tests/fake/machine

if [ "${4:-}" != within ]; then
	exec "$machine" run --functions 12 --groups 9 -- "$self" "$build" "$threaded" "$seconds" within
fi

dir=/run/threads
mkdir -p $dir/state
cat >$dir/vfiod.conf <<'CONF'
connections-per-user = 0
requests-per-second = 0
rule "pool" { vendor = "8086" pool = "p" }
CONF
vfioctl=$build/vfioctl/vfioctl
lease=$build/tests/vm/clients/lease
functions=(0000:00:0{0,1,2,3,4,5,6,7}.0)

TSAN_OPTIONS="exitcode=66 halt_on_error=0 second_deadlock_stack=1" LD_PRELOAD=$FAKE_PRELOAD \
	"$threaded/vfiod/vfiod" -c $dir/vfiod.conf --state-dir $dir/state >$dir/log 2>&1 &
pid=$!
for ((i = 0; i < 600; i++)); do
	! grep -q " ready: " $dir/log || break
	sleep 0.1
done
end=$((SECONDS + seconds))

# again COMMAND...: over and over, whatever comes of it
again() {
	while [ "$SECONDS" -lt $end ]; do
		"$@" >/dev/null 2>&1 || :
		echo >>$dir/"$BASHPID"
	done
}
for function in "${functions[@]}"; do
	"$vfioctl" assign "$function" --user root >/dev/null 2>&1 || :
done
clients=()
again "$lease" cycle 3 "${functions[0]}" &
clients+=($!)
again "$lease" cycle 3 "${functions[1]}" &
clients+=($!)
again timeout 1 "$lease" hold "${functions[2]}" &
clients+=($!)
again "$vfioctl" revoke "${functions[2]}" --grace 0 &
clients+=($!)
again "$vfioctl" list --all &
clients+=($!)
again "$vfioctl" reload &
clients+=($!)
again kill -HUP $pid &
clients+=($!)
reassign() { "$vfioctl" release "${functions[4]}"; "$vfioctl" assign "${functions[4]}" --user root; }
again reassign &
clients+=($!)
replug() {
	"$machine" "do" "unplug ${functions[5]}"
	"$machine" "do" "function ${functions[5]} group=5 driver=nvme"
	"$vfioctl" release "${functions[5]}"
}
again replug &
clients+=($!)
wait "${clients[@]}" || :
kill -TERM $pid
# Again, since ThreadSanitizer's runtime loses one now and then: see send_again() in tests/unit/test_server.c.
while sleep 2 && kill -TERM $pid 2>/dev/null; do :; done
status=0
wait $pid || status=$?
if [ $status != 0 ] || grep -q ThreadSanitizer $dir/log; then
	grep -A 40 -m 1 ThreadSanitizer $dir/log || tail -n 20 $dir/log
	echo "FAILED: vfiod ended with $status, $(grep -c 'WARNING: ThreadSanitizer' $dir/log) reports"
	exit 1
fi
echo "figure: $(cat $dir/[0-9]* | wc -l) calls of clients in $seconds s, $(grep -c leased $dir/log) leases, no report"
