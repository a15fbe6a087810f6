#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The life of a lease in all its ways of beginning and ending, and what a function is like afterwards.
# Many resets and remappings, in which QEMU with a thread for each processor now and then loses its way.
# run-options: --single
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
e1000e=0000:04:00.0
igb=0000:05:00.0
sysfs=/sys/bus/pci/devices

# config FUNCTION: its config space as text, without the status register (PCI Local Bus 3.0 §6.2.3), whose bits come and
# go: an edu finishes its work, and says so there, also after a reset of its bus. An idle function sleeps after a while,
# which shows in its power state: it is kept awake.
config() {
	echo on >"$sysfs/$1/power/control"
	od -An -v -tx1 "$sysfs/$1/config" | sed '1s/\( .. .. .. .. .. ..\) .. ../\1 -- --/'
	echo auto >"$sysfs/$1/power/control"
}

# clean SENTENCE FUNCTION: bus mastering and MSI are off, and the config space is what it was before the first lease.
declare -A config_before=()
clean() {
	local sentence=$1 function=$2 command flags
	wait_for "$function is free" state_is "$function" free
	command=$(setpci -s "$function" COMMAND)
	equal "$sentence: bus mastering is off" 0 $((0x$command & 4))
	if flags=$(setpci -s "$function" CAP_MSI+2.w 2>/dev/null); then
		equal "$sentence: MSI is off" 0 $((0x$flags & 1))
	fi
	if [ "$(config "$function")" != "${config_before[$function]}" ]; then
		diff <(printf '%s\n' "${config_before[$function]}") <(config "$function") | sed 's/^/# /' || true
		fail "$sentence: its config space is as before"
	fi
	ok "$sentence: its config space is as before"
}

# assign FUNCTION OWNER...: and remembers what it looks like.
assign() {
	quietly vfioctl assign "$@"
	config_before[$1]=$(config "$1")
}

load_vfio
load nvme e1000e igb
use_clients
declare -A driver=([$edu]='' [$nvme]=nvme [$e1000e]=e1000e [$igb]=igb)
echo e1000e >$sysfs/$e1000e/driver_override
declare -A override=()
for function in "${!driver[@]}"; do
	wait_for "$function has the driver that it should" driver_is "$function" "${driver[$function]}"
	override[$function]=$(override_of "$function")
done
start_vfiod

# ---- a lease begins and ends ---------------------------------------------------------------------------
assign $edu --user alice
check "a program acquires, uses and releases it" as alice edu $edu
clean "after a release" $edu
background leased /run/hold as alice lease hold $edu
holder=$process
equal "while it has it, the function is leased" leased "$(field $edu state)"
equal "to its user" 1001 "$(field $edu holder_uid)"
equal "and by its process" "$holder" "$(field $edu holder_pid)"
refused vfioctl release $edu
names "the administrator is told who has it" "user 1001" "process $holder"
refused vfioctl assign $edu --user bob
names "also for another assignment" "user 1001" "process $holder"
refused as bob lease hold $edu
names "a stranger is told whose it is" "user 1001" "user 1002"
end KILL "$holder"
clean "after kill -9" $edu
background 'dirty' /run/dirty as alice lease dirty $edu
wait "${job_of[$process]}" 2>/dev/null || true
clean "after a program that died with DMA and MSI on" $edu
check "and the next one can use it" as alice edu $edu

# ---- who else can have it open -------------------------------------------------------------------------
as alice lease orphan $edu >/run/orphan
read -r _ child </run/orphan
equal "the parent's end does not end the lease of a child" leased "$(field $edu state)"
refused as alice lease hold $edu
names "and the next one is told so" "leased to user 1001"
kill -KILL "$child"
clean "after the child's end" $edu

status=0
as alice lease shared $edu >/run/shared 2>/run/shared.err || status=$?
read -r _ child </run/shared
equal "a release fails while a child has the files" 1 $status
said=$(cat /run/shared.err)
names "it says what is in the way" "still open" "another process"
equal "the lease goes on" leased "$(field $edu state)"
kill -KILL "$child"
clean "after the end of the child that was in the way" $edu

background mapped /run/mapped as alice lease mapped $edu
said=$(head -n 1 /run/mapped)
names "a release fails while a BAR is mapped, and says so" "still open" "a mapping"
equal "the mapping keeps the lease" leased "$(field $edu state)"
end KILL "$process"
clean "after the mapping's end" $edu

# ---- one after the other -------------------------------------------------------------------------------
check "20 leases in a row from one session" as alice lease cycle 20 $edu
clean "after 20 leases" $edu
check "20 programs, each at once after the end of the one before" as alice lease relay 20 $edu
clean "after 20 programs" $edu

as alice lease hold $edu >/run/race.1 2>&1 &
racers=$!
as alice lease hold $edu >/run/race.2 2>&1 &
racers+=" $!"
both_spoke() { [ -s /run/race.1 ] && [ -s /run/race.2 ]; }
wait_for "both of two that race have an answer" both_spoke
equal "one of two that race for a function gets it" leased "$(cat /run/race.? | grep -x leased)"
said=$(cat /run/race.? | grep -vx leased)
names "the other one is told who has it" "leased to user 1001"
kill -KILL "$(field $edu holder_pid)"
for racer in $racers; do wait "$racer" 2>/dev/null || true; done
clean "after a race" $edu

# ---- a group and a container of one's own ------------------------------------------------------------------
background leased /run/group as alice lease group $edu
ok "a program sets up a container of its own, and reads the device's registers"
equal "the function is leased then, too" leased "$(field $edu state)"
refused as alice lease hold $edu
end KILL "$process"
clean "after a lease of the group" $edu

# ---- owners ----------------------------------------------------------------------------------------------
check "a free function goes from alice to bob directly" vfioctl assign $edu --user bob
refused as alice edu $edu
names "alice is told so" "assigned to user 1002" "you are user 1001"
check "bob can use it" as bob edu $edu
check "and to a group of users" vfioctl assign $edu --group pcilab
check "a member can use it" as alice:pcilab edu $edu
refused as alice edu $edu
names "who is no member is told so" "group 1100" "user 1001"
refused edu $edu
names "user 0 has no privilege on the public socket" "group 1100" "user 0"
quietly vfioctl assign $edu --user alice
refused edu $edu
names "nor against another user" "user 1001" "you are user 0"
check "back to alice" as alice edu $edu
clean "after all these users" $edu

# ---- a function with a reset that takes its time -----------------------------------------------------------
assign $nvme --user alice
check "an NVMe drive identifies itself" as alice nvme-identify $nvme
clean "after a program" $nvme
as alice hostile impatient /run/vfiod/pub/vfiod.sock $nvme >/run/impatient 2>/run/impatient.err || true
equal "a program was killed while it waited for the function" killed "$(cat /run/impatient)"
clean "after that" $nvme
check "programs that come during the reset wait for it" as alice lease relay 5 $nvme
clean "after those" $nvme

# ---- back to the host -----------------------------------------------------------------------------------
for function in $e1000e $igb; do
	assign "$function" --user alice
	check "leases of $function" as alice lease cycle 2 "$function"
	clean "after them" "$function"
done
for function in "${!driver[@]}"; do
	equal "$function remembers its driver" "${driver[$function]:-null}" "$(field "$function" original_driver)"
	check "$function goes back to the host" vfioctl release "$function"
	equal "with the driver that it had" "${driver[$function]}" "$(driver_of "$function")"
	equal "and the driver_override that it had" "${override[$function]}" "$(override_of "$function")"
	equal "and it is nobody's" "unmanaged null" "$(field "$function" state) $(field "$function" owner_uid)"
done
wait_for "the drive's disk is back" test -e "$sysfs/$nvme/nvme"
for function in $e1000e $igb; do wait_for "the network interface of $function is back" test -e "$sysfs/$function/net"; done

stop_vfiod
finish
