#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The end of vfiod is not the end of a lease: the client's DMA goes on, and no other vfiod hands its function out.
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

# held FUNCTION PROCESS: a new vfiod does not hand out what a client of the last one has.
held() {
	local function=$1 process=$2
	before=$(snapshot)
	equal "$function is nobody's for the new vfiod" unmanaged "$(field "$function" state)"
	refused assign "$function" --user bob
	names "an assignment says that the function is open in another program" "open in another program"
	said=$(bash -c "${said##*; see: }" 2>&1) || true
	names "and what it advises to look at names the process" "$process"
	refused release "$function"
	refused as alice lease hold "$function"
	names "its user gets no second lease" "not assigned to anybody"
	nothing_half_done "these refusals"
	equal "it is on vfio-pci still" vfio-pci "$(driver_of "$function")"
}

load vfio-pci nvme
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
check "when the client has ended, an assignment works" assign $edu --user bob
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
refused release $edu
names "a function that vfiod finds on vfio-pci is nobody's, and how to give it back is said" "not assigned" "vfioctl assign"
end KILL "$holder"
check "when the client has ended, an assignment works" assign $nvme --user alice
check "and a lease" as alice nvme-identify $nvme
check "and giving it back" release $nvme
equal "the kernel's own driver has it again" nvme "$(driver_of $nvme)"
equal "and no driver_override is left" "(null)" "$(override_of $nvme)"
check "a function that was assigned and not leased can be assigned again" assign $edu --user alice
check "and used" as alice edu $edu
check "and given back" release $edu
equal "it has no driver, as before all this" "" "$(driver_of $edu)"

stop_vfiod
finish
