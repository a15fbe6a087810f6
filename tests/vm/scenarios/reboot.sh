#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is assigned stays so over a reboot, and is taken again when it appears; but nothing else is, under its address.
#
# A reboot is what vfiod sees of one: there is no journal, and the host's drivers have the functions.
# qemu-monitor: device_del device_add
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
e1000e=0000:04:00.0
first=0000:09:01.0	# an edu, of one group with
second=0000:09:02.0	# an e1000
sysfs=/sys/bus/pci/devices

gone() { [ ! -e "$sysfs/$1" ]; }
unknown() { ! vfioctl show "$1"; }
reason_is_there() { [ "$(field "$1" quarantine_reason)" != null ]; }
original() { field "$1" original_driver; }

# shut_down: as far as vfiod sees it.
shut_down() {
	local function
	stop_vfiod
	rm /run/vfiod/journal
	for function in $edu $nvme $e1000e $first $second; do
		[ -e "$sysfs/$function" ] || continue
		echo >"$sysfs/$function/driver_override"
		unbind "$function"
		echo "$function" >/sys/bus/pci/drivers_probe
	done
	wait_for "the host's driver has $nvme" driver_is $nvme nvme
	wait_for "its disk is there" test -e $sysfs/$nvme/nvme
}

load_vfio
load nvme e1000e e1000
wait_for "the host's driver has $nvme" driver_is $nvme nvme
wait_for "the host's driver has $e1000e" driver_is $e1000e e1000e
use_clients
configure <<CONF
rule "conventional PCI" { address = "$first"  reset = "best-effort" }
rule "its neighbour" { address = "$second"  reset = "best-effort" }
CONF
start_vfiod
quietly vfioctl assign $edu --user alice
quietly vfioctl assign $nvme --group pcilab
quietly vfioctl assign $e1000e --user bob
unbind $second
quietly vfioctl assign $first --user alice
quietly vfioctl assign $second --user alice

# ---- a boot -------------------------------------------------------------------------------------------------------
shut_down
wait_for "the host's driver has $second" driver_is $second e1000
start_vfiod
for function in $edu $nvme $e1000e $first $second; do
	wait_for "$function is taken again" state_is "$function" free
	equal "$function is on the VFIO driver" "$vfio_driver" "$(driver_of "$function")"
done
ok "after a boot all that is assigned is taken again, a group of two host drivers, too"
equal "a user's is the user's" 1001 "$(field $edu owner_uid)"
equal "a group's the group's" "$(getent group pcilab | cut -d: -f3)" "$(field $nvme owner_gid)"
equal "where it was is known anew" nvme "$(original $nvme)"
check "its owner can use it" as alice edu $edu
check "and one of the group the other" as bob:pcilab nvme-identify $nvme
check "and what shares a group" as alice edu $first
check "what is released" vfioctl release $second
equal "is back with its driver" e1000 "$(driver_of $second)"
unbind $second
shut_down
start_vfiod
wait_for "$edu is taken again" state_is $edu free
equal "and stays with it over the next boot" unmanaged "$(field $second state)"
equal "though it is in the way of another, which says so" unmanaged "$(field $first state)"
said=$(field $first quarantine_reason)
names "in words" "not assigned again" $second

# ---- what the host uses -------------------------------------------------------------------------------------------
wait_for "$e1000e is taken again" state_is $e1000e free
shut_down
for interface in "$sysfs/$e1000e/net"/*; do interface=${interface##*/}; done
ip link set "$interface" up
start_vfiod
wait_for "it says why it does not take what the host uses" reason_is_there $e1000e
equal "that stays the host's" unmanaged "$(field $e1000e state)"
equal "with its driver" e1000e "$(driver_of $e1000e)"
said=$(vfioctl list)
names "which the list says, too" "$e1000e is unmanaged: not assigned again" "$interface"
refused as bob lease hold $e1000e
ip link set "$interface" down
stop_vfiod
start_vfiod
wait_for "when the host does not use it any more the next vfiod takes it" state_is $e1000e free
equal "with no reason left" null "$(field $e1000e quarantine_reason)"

# ---- what comes later ---------------------------------------------------------------------------------------------
qemu_monitor device_del dev1
wait_for "the edu can be pulled out" gone $edu
stop_vfiod
start_vfiod
qemu_monitor device_add edu,id=dev1,bus=rp1
wait_for "what appears while vfiod runs is taken" state_is $edu free
check "and its owner can use it" as alice edu $edu

qemu_monitor device_del dev1
wait_for "it can be pulled out again" unknown $edu
qemu_monitor device_add pci-testdev,id=other1,bus=rp1
wait_for "another device is in its place" vfioctl show $edu
wait_for "which says that it is another one" reason_is_there $edu
equal "and is not given to anybody" unmanaged "$(field $edu state)"
refused as alice lease hold $edu
stop_vfiod
start_vfiod
equal "nor by the next vfiod" unmanaged "$(field $edu state)"
wait_for "which says so, too" reason_is_there $edu
check "which says why" grep -q "$edu is not as the vfiod before has left it: another device" "$vfiod_log"
qemu_monitor device_del other1
wait_for "that can be pulled out, too" unknown $edu
qemu_monitor device_add edu,id=dev1,bus=rp1
wait_for "the one that was assigned is taken when it is back" state_is $edu free

# Of the same kind, but with another serial number, which an e1000e makes of its address.
qemu_monitor device_del nic4
wait_for "the e1000e can be pulled out" unknown $e1000e
qemu_monitor device_add e1000e,id=nic4,bus=rp4,netdev=net4,romfile=,mac=52:54:00:00:ca:fe
wait_for "another card of the same kind says so" reason_is_there $e1000e
equal "and is not given to anybody" unmanaged "$(field $e1000e state)"
said=$(field $e1000e quarantine_reason)
names "in words" "another device of the same kind"
equal "its driver has it" e1000e "$(driver_of $e1000e)"
check "but it can be assigned anew" vfioctl assign $e1000e --user bob
stop_vfiod
rm /run/vfiod/journal
start_vfiod
wait_for "and is taken again then" state_is $e1000e free

stop_vfiod
finish
