#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What rules say of leases: pools and who comes first, how long a lease lasts, how much memory its program may lock; why
# somebody would not get a function; and a configuration that changes while vfiod runs.
# run-options: --edus 2
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edus=(0000:01:00.0 0000:0a:00.0 0000:0b:00.0)
conf=/etc/vfiod/vfiod.conf

# members OPTION...: the three edus are the pool "lab", with these options; on a line of their own for each rule.
members() {
	local edu
	for edu in "${edus[@]}"; do
		printf 'rule "%s" {\n	address = "%s"\n	pool = "lab"\n' "$edu" "$edu"
		[ $# = 0 ] || printf '	%s\n' "$@"
		printf '}\n'
	done
	echo 'revoke-grace = 1'
}

# why USER WHAT [OPTION...]: sets $said and $exit_status.
why() {
	local user=$1
	shift
	exit_status=0
	said=$(as "$user" vfioctl why "$@") || exit_status=$?
}

# limit PROCESS: of locked memory, soft and hard, in bytes.
limit() { sed -n 's/^Max locked memory *\([^ ]*\) *\([^ ]*\) .*/\1 \2/p' "/proc/$1/limits"; }
limit_is() { [ "$(limit "$1")" = "$2" ]; }
all_free() { [ "$(vfioctl pool | tail -n 1)" = "lab   3          3     -" ]; }
runs() { kill -0 "$1"; }

members | configure
load_handles
use_clients
start_vfiod

# ---- who may have one ---------------------------------------------------------------------------------------
why alice:1100 pool:lab
names "why says what is missing, and who can change it" "no: none of the 3 functions" "not assigned" "an administrator"
equal "with the exit status of a refusal" 4 "$exit_status"
for edu in "${edus[@]}"; do quietly vfioctl assign "$edu" --group pcilab; done
wait_for "all of them are free" all_free
why alice pool:lab
names "who is not in the group is told so" "no: " "assigned to group 1100" "an administrator"
refused as alice edu pool:lab
names "in the same words" "assigned to group 1100"
why alice:1100 pool:lab
names "who is, would get the first one" "yes: you would get ${edus[0]} of pool lab"
equal "which is no failure" 0 "$exit_status"
why alice:1100 "${edus[1]}"
names "or any of them by its address" "yes: you would get ${edus[1]} now"
why alice:1100 pool:none
names "a pool that is not there is named" 'no pool "none"'
said=$(as alice:1100 edu pool:lab)
names "a program that takes an address takes a pool" "edu ${edus[0]}: identification"
wait_for "it is free again" all_free

# ---- how, and where from ------------------------------------------------------------------------------------
members 'modes = { "container" }' | configure
check "a rule limits the modes" vfioctl reload
why alice:1100 pool:lab --mode group
names "who asks as a program of another mode is told so" "no: none of the 3 functions" 'not for mode "group"' \
	"you, an administrator"
equal "with the exit status of a refusal" 4 "$exit_status"
why alice:1100 "${edus[1]}" --mode iommufd
names "by an address, too" "no: ${edus[1]}" 'not for mode "iommufd"' 'in mode "container"'
why alice:1100 "${edus[1]}" --mode container
names "and in the rule's mode would get it" "yes: you would get ${edus[1]} now"
why alice:1100 pool:lab --numa-node 1023
names "a NUMA node that is not there is named" "no: this machine has no NUMA node 1023"
equal "with the exit status of a failure" 1 "$exit_status"
members 'modes = { "group" }' | configure
check "it limits them to another one" vfioctl reload
why alice:1100 pool:lab --mode group
names "for which there is one then" "yes: you would get ${edus[0]} of pool lab"
why alice:1100 pool:lab
names "and none for who does not say how" 'not for mode "container"'
members | configure
check "it limits nothing any more" vfioctl reload

# ---- who comes first ----------------------------------------------------------------------------------------
holders=()
for i in 1 2 3; do
	background leased "/run/hold.$i" as alice:1100 lease hold pool:lab
	holders+=("$process")
done
said=$(vfioctl pool)
names "the pool is alice's" "lab   3          0     alice 3"
refused as bob:1100 lease hold pool:lab
names "so there is none for bob" "leased to user 1001"
end KILL "${holders[0]}"
wait_for "one is free again" state_is "${edus[0]}" free
why alice:1100 pool:lab
names "but it is not alice's, who has more" "user 1002 has 0 of pool \"lab\", you have 2" "waiting"
refused as alice:1100 lease hold pool:lab
names "nor does a program get it" "it comes first"
refused as alice:1100 lease hold "${edus[0]}"
names "nor by its address" "it comes first"
background leased /run/hold.bob as bob:1100 lease hold pool:lab
equal "bob gets it" 1002 "$(field "${edus[0]}" holder_uid)"
end KILL "$process"
wait_for "it is free again" state_is "${edus[0]}" free
why alice:1100 pool:lab
names "with which his claim is settled" "yes: you would get ${edus[0]}"
end KILL "${holders[1]}"
end KILL "${holders[2]}"
wait_for "all of them are free" all_free

# ---- another configuration ----------------------------------------------------------------------------------
background leased /run/before as alice:1100 lease hold pool:lab
before=$process
members 'memory = "64M"' | configure
refused vfioctl reload
names "a mistake is told with its file and line" "$conf:4: " "memory"
equal "with the status of a failure" 1 "$exit_status"
why bob:1100 pool:lab
names "nothing has changed" "yes: you would get ${edus[1]}"
refused as alice vfioctl reload
equal "it is for root alone" 4 "$exit_status"
members 'memlock = "64M"' 'lease-time = 6' | configure
check "a good one is taken" vfioctl reload
check "and a lease of before goes on" runs "$before"
equal "without a limit" leased "$(field "${edus[0]}" state)"

# ---- memory -------------------------------------------------------------------------------------------------
background leased /run/memlock as bob:1100 bash -c 'ulimit -l 64; exec lease hold pool:lab'
equal "a program that has the function may lock what its rule says" "67108864 67108864" "$(limit "$process")"
check "until the function is taken from it" vfioctl revoke "${edus[1]}" --grace 0
wait_for "its limit is put back" limit_is "$process" "65536 65536"
check "though it runs" runs "$process"
end KILL "$process"

# ---- time ---------------------------------------------------------------------------------------------------
background holding /run/timed as bob:1100 edu --hold pool:lab
status=0
wait "${job_of[$process]}" || status=$?
equal "a program is told that its time is over, and gives the function back" 3 $status
check "it knew from the beginning" grep -q "is lent for [1-6] s" /run/timed
check "and was told again with the grace" grep -q "will be taken in 1000 ms" /run/timed
background leased /run/stubborn as bob:1100 lease hold pool:lab
stubborn=$process
kill -KILL "$vfiod_pid"
wait "$vfiod_pid" 2>/dev/null || true
start_vfiod
equal "a lease for a time goes on over a restart" leased "$(field "${edus[1]}" state)"
wait_for "and ends when its time is over" state_is "${edus[1]}" free
check "with its program running" runs "$stubborn"
check "the lease without a time goes on" runs "$before"
equal "as before" leased "$(field "${edus[0]}" state)"
end KILL "$stubborn"

# ---- by a signal --------------------------------------------------------------------------------------------
members 'users = { "bob" }' | configure
kill -HUP "$vfiod_pid"
wait_for "the configuration is read on SIGHUP" grep -q "read anew, 3 rules" "$vfiod_log"
why alice:1100 pool:lab
names "and counts" 'rule "' "names others"
end KILL "$before"
wait_for "all of them are free" all_free
for edu in "${edus[@]}"; do check "back to the host" vfioctl release "$edu"; done
stop_vfiod
finish
