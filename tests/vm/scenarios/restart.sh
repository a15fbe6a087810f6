#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The end of vfiod is not the end of a lease: the client's DMA goes on, and the next vfiod knows of it, and of what was
# assigned.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0

# What could hang has a limit.
assign() { timeout 30 vfioctl assign "$@"; }
release() { timeout 30 vfioctl release "$@"; }

# interrupts: how many the holder of the edu has got so far.
interrupts() { awk -v function_="$edu" 'index($0, "(" function_ ")") { print $2 + $3 }' /proc/interrupts; }
interrupts_beyond() { [ "$(interrupts)" -gt "$1" ]; }

# held FUNCTION PROCESS: the new vfiod knows who has it, and does not hand it out.
held() {
	local function=$1 process=$2
	wait_for "vfiod knows that $function is leased" state_is "$function" leased
	before=$(snapshot)
	equal "it knows to which process" "$process" "$(field "$function" holder_pid)"
	refused assign "$function" --user bob
	names "an assignment says who has it" "leased to user" "$process"
	refused release "$function"
	refused as alice lease hold "$function"
	names "its user gets no second lease" "leased to user"
	nothing_half_done "these refusals"
	equal "it is on its VFIO driver still" $vfio_driver "$(driver_of "$function")"
}

load_vfio
load nvme
wait_for "the kernel's nvme driver has $nvme" driver_is $nvme nvme
use_clients
start_vfiod
quietly assign $edu --user alice
background holding /run/holder as alice edu --hold $edu
holder=$process

# ---- SIGTERM ---------------------------------------------------------------------------------------------
stop_vfiod
ok "vfiod ends on SIGTERM with status 0 while a function is leased"
equal "no socket of it is left" "" "$(find /run/vfiod -type s)"
count=$(interrupts)
wait_for "DMA and interrupts of the client go on" interrupts_beyond $((count + 2))
ok "the client's DMA and interrupts go on without vfiod"
start_vfiod
held $edu "$holder"
count=$(interrupts)
wait_for "DMA and interrupts of the client go on" interrupts_beyond $((count + 2))
ok "the client has not noticed anything"
end TERM "$holder"
wait_for "it is free when the client has ended" state_is $edu free
check "and can be assigned to another" assign $edu --user bob
check "and a lease" as bob edu $edu
refused as alice edu $edu
check "and giving it back" release $edu
equal "it has no driver, as before all this" "" "$(driver_of $edu)"
equal "and no driver_override" "(null)" "$(override_of $edu)"

# ---- SIGKILL -----------------------------------------------------------------------------------------------
quietly assign $nvme --user alice
quietly assign $edu --user alice
background leased /run/holder as alice lease hold $nvme
holder=$process
kill -KILL "$vfiod_pid"
wait "$vfiod_pid" 2>/dev/null || true
refused as alice edu $edu
names "a client is told that vfiod is not running" "vfiod is not running"
start_vfiod
ok "a vfiod starts after one that was killed, whose sockets and lock it finds"
held $nvme "$holder"
wait_for "what was assigned and not leased is clean and free" state_is $edu free
check "its user gets it without another word" as alice edu $edu
end KILL "$holder"
wait_for "what was leased is free when the client has ended" state_is $nvme free
check "its user gets it again" as alice nvme-identify $nvme
check "and giving it back" release $nvme
equal "the kernel's own driver has it again" nvme "$(driver_of $nvme)"
equal "and no driver_override is left" "(null)" "$(override_of $nvme)"
check "and the other one is given back" release $edu
equal "it has no driver, as before all this" "" "$(driver_of $edu)"


# ---- a client that ends while there is no vfiod -----------------------------------------------------------
quietly assign $edu --user alice
background leased /run/holder as alice lease hold $edu
stop_vfiod
end KILL "$process"
start_vfiod
wait_for "its function is cleaned, and free" state_is $edu free
ok "the lease of a client that ended meanwhile has ended"
check "its user gets it again" as alice edu $edu

# ---- no inotify watch left for a lease that goes on -----------------------------------------------------------
watches=/proc/sys/fs/inotify/max_user_watches
background leased /run/holder as alice lease hold $edu
holder=$process
stop_vfiod
start_vfiod	# which writes the newest number of a lease into slots without a record, too, as each start does
stop_vfiod
cp /run/vfiod/journal /run/journal
allowed=$(cat $watches)
echo 0 >$watches
exit_status=0
said=$(vfiod 2>&1) || exit_status=$?
echo "$allowed" >$watches
equal "a vfiod that could not notice the end of a lease does not start, for now" 75 $exit_status
names "which says what there is not enough of" "fs.inotify.max_user_watches" "leases go on"
check "the journal is as it was" cmp /run/vfiod/journal /run/journal
start_vfiod
held $edu "$holder"
end KILL "$holder"
wait_for "it is free when the client has ended" state_is $edu free

# ---- what a restart finds changed ----------------------------------------------------------------------------
stop_vfiod
unbind $edu
start_vfiod
equal "a function that was taken from its VFIO driver meanwhile is the host's" unmanaged "$(field $edu state)"
stop_vfiod
start_vfiod
equal "and stays so over the next restart" unmanaged "$(field $edu state)"
quietly assign $edu --user alice
stop_vfiod
printf 'nonsense' >/run/vfiod/journal
start_vfiod
check "a damaged journal is said to be so" grep -q "journal cannot be read" "$vfiod_log"
wait_for "what is assigned is taken anew" state_is $edu free
equal "for whom it was" 1001 "$(field $edu owner_uid)"
check "who can use it" as alice edu $edu
background leased /run/holder as alice lease hold $edu
stop_vfiod
printf 'nonsense' >/run/vfiod/journal
start_vfiod
refused as alice lease hold $edu
names "F32 what is open in a program that nobody knows is not handed out" "not assigned to anybody"
said=$(field $edu quarantine_reason)
names "and the reason is said" "not assigned again" "open in another program"
equal "it has not been taken from that program, either" $vfio_driver "$(driver_of $edu)"
baseline
end KILL "$process"
check "the function can be assigned again then" assign $edu --user alice
check "and used" as alice edu $edu
check "and given back" release $edu
agrees "F32 a group that a program had open of which nobody knew" as bob vfioctl list

stop_vfiod
finish
