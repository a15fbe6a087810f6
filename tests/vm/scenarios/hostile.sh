#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Clients that stay silent, do not listen or die at any moment harm neither other users nor vfiod.
# Many resets and remappings, in which QEMU with a thread for each processor now and then loses its way.
# run-options: --single
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
socket=/run/vfiod/pub/vfiod.sock
seed=${HOSTILE_SEED:-$RANDOM}
echo "# seed $seed (again with: --env HOSTILE_SEED=$seed)"

descriptors_are() { [ "$(descriptors)" = "$1" ]; }
more_descriptors_than() { [ "$(descriptors)" -gt "$1" ]; }

# unharmed SENTENCE: the function is free, vfiod has no file more than in the beginning, and others are served.
unharmed() {
	wait_for "the function is free after $1" state_is $edu free
	wait_for "vfiod has $baseline files open after $1" descriptors_are "$baseline"
	ok "the function is free, and vfiod has no file more open than before, after $1"
	check "another user is served after $1" as bob nvme-identify $nvme
}

load_vfio
load nvme
wait_for "the kernel's nvme driver has $nvme" driver_is $nvme nvme
use_clients
# so that silent connections are there as long as they are looked at, also on a slow machine
configure <<<"client-timeout = 600"
start_vfiod
quietly vfioctl assign $edu --user alice
quietly vfioctl assign $nvme --user bob
quietly as bob nvme-identify $nvme
baseline=$(descriptors)

background connected /run/silent as alice hostile silent 200 $socket
silent=$process
wait_for "vfiod has taken 200 connections" more_descriptors_than $((baseline + 199))
check "another user is served beside 200 silent connections" as bob nvme-identify $nvme
check "so is the same user" as alice edu $edu
check "and the administrator" vfioctl show $edu
end KILL "$silent"
unharmed "200 silent connections"

background connected /run/silent as alice hostile silent 300 $socket
silent=$process
wait_for "vfiod has taken as many as one user may have" more_descriptors_than $((baseline + 255))
refused as alice edu $edu
names "a user with too many connections is told so" "has 256 connections" "connections-per-user"
check "another user is served beside them" as bob nvme-identify $nvme
check "and the administrator" vfioctl show $edu
end KILL "$silent"
unharmed "300 silent connections"

said=$(as alice hostile deaf $socket) || fail "a client that does not read its replies is thrown out ($said)"
names "a client that does not read its replies is thrown out" "thrown out"
echo "# $said"
unharmed "a client that does not read"

# Until Linux 6.16, from where on no message to vfiod has files.
ip link set lo up
check "200 files are sent whose close is to take an hour" as alice hostile lingering 200 $socket
check "another user is served meanwhile" as bob nvme-identify $nvme
unharmed "files whose close is to take an hour"
check "and vfiod has made no thread for each of them" [ "$(find "/proc/$vfiod_pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -lt 80 ]

check "50 clients are killed at every step towards a lease" as alice hostile killed "$seed" 50 $socket $edu
unharmed "50 clients that were killed"
check "also while others are killed, a user is served" bash -c "
	$(declare -f as)
	as alice hostile killed $((seed + 1)) 50 $socket $edu &
	as bob nvme-identify $nvme && as bob nvme-identify $nvme && wait \$!"
unharmed "50 more"

stop_vfiod
check "vfiod has not said that anything is wrong with itself" bash -c "! grep -E 'out of memory|quarantined|no connection can be taken' $vfiod_log"
finish
