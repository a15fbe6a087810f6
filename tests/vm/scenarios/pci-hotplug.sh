#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Functions of the strict PCI driver that are pulled out of the machine (by QEMU), free, leased, in use, and in the midst
# of leases that begin and end: HOTPLUG_ROUNDS times, 3 unless it says otherwise. And functions that report errors, which
# QEMU injects (see clients/pcierrors.c).
# qemu-monitor: device_del device_add pcie_aer_inject_error
# run-options: --single
set -euo pipefail
export VFIO_DRIVER=${VFIO_DRIVER:-vfiod-pci}
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
igb=0000:05:00.0
rounds=${HOTPLUG_ROUNDS:-3}

load_handles
use_clients

gone() { [ ! -e "/sys/bus/pci/devices/$1" ]; }
unknown() { ! vfioctl show "$1"; }

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

background leased /run/hold as alice lease hold $edu
holder=$process
pull_out dev1 $edu "leased"
check "its client is alive, with dead handles" alive "$holder"
plug_in dev1 $edu edu
check "and still is when another one has been served" alive "$holder"
end KILL "$holder"

background registers /run/edu as alice edu --hold $edu
pull_out dev1 $edu "in use by a client that heeds the announcement"
plug_in dev1 $edu edu

background mapped /run/mapped as alice lease mapped $edu
pull_out dev1 $edu "mapped by a client that does not"
end KILL "$process"
plug_in dev1 $edu edu

for ((round = 1; round <= rounds; round++)); do
	as alice lease cycle 100000 $edu 2>/run/cycle &
	cycle=$!
	pull_out dev1 $edu "while leases begin and end, $round of $rounds"
	wait "$cycle" || true
	plug_in dev1 $edu edu

	as alice lease relay 100000 $edu 2>/run/relay &
	relay=$!
	pull_out dev1 $edu "while clients come and go, $round of $rounds"
	wait "$relay" || true
	plug_in dev1 $edu edu
done
quietly vfioctl assign $nvme --user bob
check "and others have not been disturbed" as bob nvme-identify $nvme
stop_vfiod

# ---- errors ----------------------------------------------------------------------------------------------------------
if [ "$VFIO_DRIVER" != vfio-pci ]; then
	bind "$VFIO_DRIVER" $igb
	# Not every kernel has errors reported by a function whose driver has not asked for it.
	report=$(readlink -f /sys/bus/pci/devices/$igb)
	setpci -s "${report##*/}" CAP_EXP+8.w=f:f
	port=${report%/*}
	setpci -s "${port##*/}" CAP_EXP+8.w=f:f
	for name in $(pcierrors); do
		kind=UNSUP
		[[ $name != *a_fatal* ]] || kind=DLP
		background ready /run/errors pcierrors "$name" $igb
		qemu_monitor pcie_aer_inject_error nic5 $kind
		status=0
		wait "${job_of[$process]}" || status=$?
		[ $status = 0 ] || sed 's/^/# /' /run/errors
		equal "$kind: ${name//_/ }" 0 $status
	done
fi

finish
