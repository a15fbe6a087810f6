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
names "and why they share the group, and the rule that takes it along" "conventional PCI" 'companions = "unbind"'
nothing_half_done "the refusal for a sibling's sake"
follow "unbind it first: " ")"
equal "the sibling has no driver then" "" "$(driver_of $nic)"

# ---- why they share it -------------------------------------------------------------------------------
shared() { vfioctl show "$1" --json | grep -A4 "\"address\": \"$2\"" | sed -n "s/.*\"$3\": *\"\{0,1\}\([^\",]*\).*/\1/p"; }
bridge=0000:08:00.0	# to conventional PCI
equal "$edu and $nic share a conventional bus" conventional-bus "$(shared $edu $nic shared_by)"
equal "behind that bridge" $bridge "$(shared $edu $nic shared_at)"
equal "$slot and $slot_sibling are one device" device "$(shared $slot $slot_sibling shared_by)"
equal "without ACS" null "$(shared $slot $slot_sibling acs_off)"
check "any user is told that in words" as alice bash -c "vfioctl show $slot | grep 'they are one device, whose function .* has no ACS'"
check "also of the bridge" as alice bash -c "vfioctl show $edu | grep '$bridge is a bridge to conventional PCI'"

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

# ---- companions -------------------------------------------------------------------------------------------
# with_rule HOW: vfiod takes along what shares a group with $edu or $slot.
with_rule() {
	configure <<-CONF
		rule "conventional PCI" { address = "$edu"  reset = "best-effort"  companions = "$1" }
		rule "its neighbour" { address = "$nic"  reset = "best-effort" }
		rule "a slot of two functions" { address = "$slot"  reset = "best-effort"  companions = "$1" }
		rule "the second one" { address = "$slot_sibling"  reset = "best-effort" }
	CONF
	start_vfiod
}
# the_hosts: all of the group is where it was, with nothing of vfiod's left.
the_hosts() {
	equal "$edu has no driver again" "" "$(driver_of $edu)"
	equal "$nic is with e1000 again" e1000 "$(driver_of $nic)"
	for function in $edu $nic; do
		equal "$function has no driver_override" "(null)" "$(override_of $function)"
		state_is $function unmanaged || fail "$function is the host's ($(field $function state))"
	done
}
echo $nic >/sys/bus/pci/drivers/e1000/bind

for how in bind unbind; do
	with_rule $how
	check "companions = $how: assign takes the neighbour along" vfioctl assign $edu --user alice
	if [ $how = bind ]; then expected_driver=$vfio_driver; else expected_driver=; fi
	equal "which is on '$expected_driver' now" "$expected_driver" "$(driver_of $nic)"
	equal "and is a companion" companion "$(field $nic state)"
	equal "of $edu" $edu "$(vfioctl show $nic --json | sed -n '/companion_of/,/]/s/.*"\(0000:[^"]*\)".*/\1/p')"
	equal "taken from e1000" e1000 "$(field $nic original_driver)"
	check "the list says so" bash -c "vfioctl list | grep '$nic is companion of $edu'"
	check "the owner can use the function" as alice edu $edu
	before=$(snapshot)
	refused as alice lease hold $nic
	names "the companion is nobody's to have" "taken along with $edu"
	refused vfioctl assign $nic --user bob
	names "nor another user's" $edu "another owner"
	refused vfioctl release $nic
	names "and goes back with the function alone" "vfioctl release $edu"
	nothing_half_done "the refusals for a companion"
	stop_vfiod
	start_vfiod
	equal "a restart leaves the companion what it is" companion "$(field $nic state)"
	check "the same owner can have it assigned" vfioctl assign $nic --user alice
	equal "it is on the VFIO driver then" $vfio_driver "$(driver_of $nic)"
	check "the function itself goes back into its company" vfioctl release $nic
	equal "as long as the other one is assigned" companion "$(field $nic state)"
	equal "with the driver of a companion" "$expected_driver" "$(driver_of $nic)"
	check "it is assigned once more" vfioctl assign $nic --user alice
	check "and outlives the one that it came along with" vfioctl release $edu
	equal "which the rule of that one lets go back to the host" unmanaged "$(field $edu state)"
	check "with the last one all is over" vfioctl release $nic
	the_hosts
	check "again from the start: assign" vfioctl assign $edu --user alice
	check "release" vfioctl release $edu
	the_hosts
	stop_vfiod
done

# ---- a companion that cannot be taken -------------------------------------------------------------------------
configure <<CONF
rule "conventional PCI" { address = "$edu"  reset = "best-effort"  companions = "bind" }
rule "its neighbour" { address = "$nic"  assign = false }
CONF
start_vfiod
before=$(snapshot)
refused vfioctl assign $edu --user alice
names "what a rule keeps for the host is not taken along" $nic "its neighbour" "assign = false"
nothing_half_done "the refusal for a companion's rule"
stop_vfiod
with_rule unbind
ip link set "$(ls $sysfs/$nic/net)" up
before=$(snapshot)
refused vfioctl assign $edu --user alice
names "nor is what the host uses" $nic "cannot be taken along"
nothing_half_done "the refusal for a companion in use"
ip link set "$(ls $sysfs/$nic/net)" down
# the neighbour is taken, and then the function itself cannot be: it is to have the driver that is not loaded
stop_vfiod
if [ $vfio_driver = vfio-pci ]; then missing=vfiod-pci; else missing=vfio-pci; fi
configure <<CONF
rule "conventional PCI" {
	address = "$edu"
	reset = "best-effort"
	companions = "unbind"
	driver = "$missing"
}
CONF
start_vfiod
before=$(snapshot)
refused vfioctl assign $edu --user alice
names "what is taken along goes back where the function cannot be taken" $missing
nothing_half_done "a failure after a companion was taken"
the_hosts

stop_vfiod
finish
