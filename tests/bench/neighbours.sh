#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/bench/neighbours.sh: what one user's connections do to another's leases. With 1,000 idle ones, 1,000 that never
# greet and 10 that flood, the other user's median lease takes at most 1.5 times what it takes without; and with 10 that
# read none of their answers, files among them, no request of the other user's fails.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/daemon.sh

# The limits of one user's connections, and of all, would keep most of them away; how much one may ask is as it is.
leases=120 him=1001 her=1002
hers=(0000:00:0{0,1,2,3}.0) his=(0000:00:0{4,5,6,7,8,9,a,b,c,d}.0)	# one for each slow reader

# lease: the median of her leases, in ns. She asks no faster than the limits let her.
lease() {
	local took
	took=$(setpriv --reuid $her --clear-groups "$build/tests/bench/client" /run/vfiod paced $leases "${hers[@]}") || {
		echo "neighbours.sh: a request of the innocent one failed $1" >&2
		exit 1
	}
	echo "${took#lease }"
}

within() {
	local quiet again busy
	configure <<-'CONF'
		connections-per-user = 0
		connections = 0
	CONF
	vfiod
	user=$her assign "${hers[@]}"
	user=$him assign "${his[@]}"
	quiet=$(lease alone) || exit 1
	neighbours idle 1000 $him
	neighbours half 1000 $him
	neighbours flood 10 $him
	busy=$(lease "beside a flood") || exit 1
	end_neighbours
	again=$(lease "after the flood") || exit 1
	# the machine may have been busy with others at one of the two
	quiet=$(((quiet + again) / 2))
	echo "bench vfiod_lease_beside_hostile_neighbours $busy ns ratio $(ratio "$busy" "$quiet") vs $quiet without"
	bar "a lease beside hostile neighbours, against one without," "$(ratio "$busy" "$quiet")" 1.5
	# soon enough to be seen here
	echo "client-timeout = 1" >>/run/bench/conf
	kill -HUP $vfiod
	until grep -q "configuration was read" /run/bench/log; do
		kill -0 $vfiod || exit 1
		sleep 0.01
	done
	neighbours slow 10 $him "${his[@]}"
	busy=$(lease "beside slow readers") || exit 1
	echo "bench vfiod_lease_beside_slow_readers $busy ns ratio $(ratio "$busy" "$quiet") vs $quiet without"
	grep -q "user $him .* did not" /run/bench/log || {
		echo "neighbours.sh: nobody was slow" >&2
		failed=1
	}
	kill -0 $vfiod || failed=1
}

if [ "${1-}" = --within ]; then
	within
	exit $failed
fi
within=(all)
on_machine --functions 16
