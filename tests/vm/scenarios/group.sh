#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Functions that share an IOMMU group go to one owner together or not at all, and have one lease at a time.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:09:01.0	# behind a bridge to conventional PCI, together with
nic=0000:09:02.0
slot=0000:07:00.0	# one slot together with
slot_sibling=0000:07:00.1
sysfs=/sys/bus/pci/devices

load_vfio
load e1000
wait_for "the kernel's e1000 driver has $nic" driver_is $nic e1000
equal "$edu and $nic share a group" "$(group_of $edu)" "$(group_of $nic)"
use_clients
start_vfiod

# ---- a sibling on a host driver --------------------------------------------------------------------
before=$(snapshot)
refused vfioctl assign $edu --user alice
names "the refusal names the other function and its driver" $nic e1000
nothing_half_done "the refusal for a sibling's sake"
follow "unbind it first: " ")"
equal "the sibling has no driver then" "" "$(driver_of $nic)"

# ---- no function of a shared bus can be reset alone ---------------------------------------------------
before=$(snapshot)
for function in $edu $nic $slot $slot_sibling; do
	refused vfioctl assign "$function" --user alice
	names "the refusal says that it cannot be reset, and which rule accepts that" "$function" reset 'reset = "best-effort"' vfiod.conf
done
nothing_half_done "the refusals for want of a reset"
stop_vfiod

configure <<CONF
rule "conventional PCI" { address = "$edu"  reset = "best-effort" }
rule "its neighbour" { address = "$nic"  reset = "best-effort" }
rule "a slot of two functions" { address = "$slot"  reset = "best-effort" }
rule "the second one" { address = "$slot_sibling"  reset = "best-effort" }
CONF
start_vfiod
check "with the advice followed and that rule, assign works" vfioctl assign $edu --user alice
equal "the function is on the VFIO driver" $vfio_driver "$(driver_of $edu)"
check "its owner can use it" as alice edu $edu

# ---- one owner ---------------------------------------------------------------------------------------
before=$(snapshot)
refused vfioctl assign $nic --user bob
names "the refusal names the function that another owner has" $edu "another owner"
nothing_half_done "the refusal for an owner's sake"
refused vfioctl assign $nic --group pcilab
names "a group of users is another owner, too" $edu "another owner"
check "the same owner gets the sibling" vfioctl assign $nic --user alice
refused vfioctl assign $nic --user bob
equal "a sibling does not change its owner alone" 1001 "$(field $nic owner_uid)"

# ---- one lease -----------------------------------------------------------------------------------------
background leased /run/first as alice lease hold $edu
first=$process
before=$(snapshot)
refused as alice lease hold $nic
names "the sibling's lease is refused while there is one of the group" $edu "$(group_of $edu)" "process $first"
refused vfioctl release $nic
names "nor is the sibling given back meanwhile" $edu "process $first"
refused vfioctl release $edu
names "nor the leased function" $edu "process $first"
nothing_half_done "the refusals for a lease's sake"
end KILL "$first"
background leased /run/second as alice lease hold $nic
second=$process
equal "the sibling is leased as soon as the first lease has ended" leased "$(field $nic state)"
end KILL "$second"
wait_for "the sibling is free" state_is $nic free

# ---- a host driver that comes after the assignment -----------------------------------------------------
check "the administrator can give the sibling back" vfioctl release $nic
baseline
equal "it has no driver, as when it was taken" "" "$(driver_of $nic)"
echo $nic >/sys/bus/pci/drivers/e1000/bind
refused as alice lease hold $edu
names "F31 no lease where a host driver has joined the group" "$(group_of $edu)" "host driver"
state_is $edu free || fail "the function is free after that (it is $(field $edu state))"
agrees "F31 a host driver has joined the group" as bob vfioctl list
echo $nic >/sys/bus/pci/drivers/e1000/unbind
check "with the driver gone, the lease is granted" as alice edu $edu
check "the function goes back to the host" vfioctl release $edu
equal "it has no driver, as before" "" "$(driver_of $edu)"
equal "it has no driver_override, as before" "(null)" "$(cat $sysfs/$edu/driver_override)"

# ---- two functions of one slot --------------------------------------------------------------------------
check "a function of a slot goes to alice while its sibling has no driver" vfioctl assign $slot --user alice
refused vfioctl assign $slot_sibling --user bob
names "and its sibling not to bob" $slot
follow "release it first: " ")"
check "the advice followed, bob can have the sibling" vfioctl assign $slot_sibling --user bob
check "and gives it back" vfioctl release $slot_sibling

stop_vfiod
finish
