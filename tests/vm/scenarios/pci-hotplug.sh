#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Functions of the strict PCI driver that are pulled out of the machine (by QEMU), free, leased, in use, and in the midst
# of leases that begin and end: HOTPLUG_ROUNDS times, 3 unless it says otherwise, and once with SHORT.
# qemu-monitor: device_del device_add
# run-options: --single
set -euo pipefail
export VFIO_DRIVER=${VFIO_DRIVER:-vfiod-pci}
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
rounds=${HOTPLUG_ROUNDS:-${SHORT:+1}}
rounds=${rounds:-3}

load_handles
use_clients

gone() { [ ! -e "/sys/bus/pci/devices/$1" ]; }
unknown() { ! vfioctl show "$1"; }

# asked PROCESS ANSWER SENTENCE: a call of that `lease asked` on its device's file gives that.
asked() {
	local lines
	lines=$(wc -l </run/asked)
	kill -USR1 "$1"
	wait_for "$3" has_more_lines_than "$lines"
	equal "$3" "$2" "$(tail -n 1 /run/asked)"
}
has_more_lines_than() { [ "$(wc -l </run/asked)" -gt "$1" ]; }

# going_on WAY FUNCTION: alice has and gives back leases, one after the other, and has done that a few times.
going_on() {
	background "going on" /run/going-on as alice lease "$1" 1000000 "$2"
	check "leases begin and end ($1)" alive "$process"
}

# stops_for_good SENTENCE: what has been going on does not any more.
stops_for_good() {
	local status=0
	wait "${job_of[$process]}" || status=$?
	sed 's/^/# /' /run/going-on
	equal "$1: its clients are refused when it is gone, and end" 1 $status
}

# pull_out DEVICE FUNCTION MOMENT
pull_out() {
	qemu_monitor device_del "$1"
	wait_for "$3: it can be pulled out" gone "$2"
	wait_for "$3: vfiod forgets it" unknown "$2"
	check "$3: it can be pulled out, and vfiod serves" serving
}

# plug_in DEVICE FUNCTION ARGUMENTS
plug_in() {
	qemu_monitor device_add "$3,id=$1,bus=rp${1#dev}"
	wait_for "$2 is found again" test -e "/sys/bus/pci/devices/$2/config"
	wait_for "vfiod finds it, too" vfioctl show "$2"
	quietly vfioctl assign "$2" --user alice
	check "plugged in again it works for its user" as alice edu "$2"
}

# ---- pulled out ------------------------------------------------------------------------------------------------------
start_vfiod
quietly vfioctl assign $edu --user alice
check "before all that it works for its user" as alice edu $edu
pull_out dev1 $edu "free"
plug_in dev1 $edu edu

background leased /run/asked as alice lease asked $edu
holder=$process
asked "$holder" answers "a client has it"
pull_out dev1 $edu "leased"
asked "$holder" "No such device" "its client is alive, with a dead handle"
plug_in dev1 $edu edu
asked "$holder" "No such device" "and still is when another one has been served"
end KILL "$holder"

background registers /run/edu as alice edu --hold $edu
pull_out dev1 $edu "in use by a client that heeds the announcement"
plug_in dev1 $edu edu

background mapped /run/mapped as alice lease mapped $edu
pull_out dev1 $edu "mapped by a client that does not"
end KILL "$process"
plug_in dev1 $edu edu

for ((round = 1; round <= rounds; round++)); do
	going_on cycle $edu
	pull_out dev1 $edu "while leases begin and end, $round of $rounds"
	stops_for_good "leases, $round of $rounds"
	plug_in dev1 $edu edu

	going_on relay $edu
	pull_out dev1 $edu "while clients come and go, $round of $rounds"
	stops_for_good "clients, $round of $rounds"
	plug_in dev1 $edu edu
done
quietly vfioctl assign $nvme --user bob
check "and others have not been disturbed" as bob nvme-identify $nvme
stop_vfiod

finish
