#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# When the kernel does not do what vfiod asks of it: the function goes back to where it was, or is kept from everybody,
# and the message says why. strace makes single system calls of vfiod fail or wait; the rest is the real kernel.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
e1000e=0000:04:00.0
sysfs=/sys/bus/pci/devices
probe=/sys/bus/pci/drivers_probe

# fails SENTENCE FILE INJECTION TEXT...: with that fault, an assignment is refused, and nothing is changed.
fails() {
	local sentence=$1
	fault "$2" "$3"
	shift 3
	refused vfioctl assign $nvme --user alice
	end_fault
	names "$sentence" "$@"
	nothing_half_done "that"
	equal "the driver that it had has it" nvme "$(driver_of $nvme)"
	equal "it has no driver_override" "(null)" "$(override_of $nvme)"
	wait_for "its disk is back" test -e $sysfs/$nvme/nvme
	agrees "$sentence" as bob lease cycle 1 $edu
}

load_vfio
load nvme e1000e
wait_for "the kernel's nvme driver has $nvme" driver_is $nvme nvme
use_clients
start_vfiod
quietly vfioctl assign $edu --user bob	# who is served meanwhile
baseline
before=$(snapshot)

# ---- taking a function ---------------------------------------------------------------------------------
fails "F29 a driver_override that cannot be written" $sysfs/$nvme/driver_override write:error=EIO:when=1 "Input/output error"
fails "F29 a driver_override of which a part is written" $sysfs/$nvme/driver_override write:retval=3:when=1 "Input/output error"
fails "F29 a driver that does not let go" $sysfs/$nvme/driver/unbind write:error=EBUSY:when=1 "busy"
fails "F28 a probe that does not bind anything" $probe write:retval=12:when=1 "driver refused it" dmesg
fails "F29 a probe that fails" $probe write:error=ENODEV:when=1 "driver refused it" dmesg
fails "F33 a reset that fails" $sysfs/$nvme/reset write:error=ETIMEDOUT:when=1 "reset failed"
fails "F31 a group that cannot be opened" "/dev/vfio/$(group_of $nvme)" openat:error=EIO "/dev/vfio/$(group_of $nvme)"
fails "F36 a group whose node is not there yet" "/dev/vfio/$(group_of $nvme)" openat:error=ENOENT \
	"/dev/vfio/$(group_of $nvme)"

# Somebody else writes the driver_override between ours and the probe: vfiod is stopped as it comes back from writing.
fault $sysfs/$nvme/driver_override write:signal=SIGSTOP:when=1
vfioctl assign $nvme --user alice 2>/run/said &
job=$!
overridden() { [ "$(override_of $nvme)" = $vfio_driver ]; }
wait_for "vfiod has written its driver_override" overridden
echo another >$sysfs/$nvme/driver_override
kill -CONT "$vfiod_pid"
status=0
wait $job || status=$?
end_fault
said=$(cat /run/said)
equal "F30 an assignment fails when another program changes the driver_override" 1 $status
names "and says that the function could not be bound" $nvme $vfio_driver
nothing_half_done "that"
agrees "F30 another program changes the driver_override" as bob lease cycle 1 $edu

# ---- the end of a lease -----------------------------------------------------------------------------------
quietly vfioctl assign $nvme --user alice
fault $sysfs/$nvme/reset write:error=ETIMEDOUT
refused as alice lease cycle 1 $nvme
names "a client that gives it back is told that it could not be cleaned" quarantined "reset failed"
equal "F33 a function whose reset fails is quarantined" quarantined "$(field $nvme state)"
agrees "F33 a reset that fails at the end of a lease" as bob lease cycle 1 $edu
said=$(field $nvme quarantine_reason)
names "the reason is in words" "reset failed"
refused as alice nvme-identify $nvme
names "nobody gets it" quarantined "reset failed" "vfioctl release"
refused vfioctl assign $nvme --user bob
names "nor is it assigned to anybody else" quarantined
said=$(vfioctl list)
names "the list has the reason, too" "$nvme is quarantined" "reset failed"
refused vfioctl quarantine clear $nvme
names "nor is it clear while its reset fails" "reset failed"
equal "it is quarantined still" quarantined "$(field $nvme state)"
end_fault
refused as alice nvme-identify $nvme
follow "reset once more: " ", or"
equal "it is free when the reset succeeds" free "$(field $nvme state)"
equal "with no reason left" null "$(field $nvme quarantine_reason)"
check "and its user gets it" as alice nvme-identify $nvme
refused vfioctl quarantine clear $nvme
names "there is nothing to be cleared any more" "not quarantined"
check "the administrator can give it back" vfioctl release $nvme
equal "the host gets it" nvme "$(driver_of $nvme)"
equal "and it is the host's" unmanaged "$(field $nvme state)"

# ---- giving a function back ---------------------------------------------------------------------------------
quietly vfioctl assign $e1000e --user alice
quietly modprobe -r e1000e
refused vfioctl release $e1000e
names "a driver that is not there any more is missed by name" $e1000e "driver e1000e" none
equal "the function is kept from everybody" quarantined "$(field $e1000e state)"
refused vfioctl quarantine clear $e1000e
names "without a VFIO driver it cannot be made clean" "driver none" "vfioctl release $e1000e"
check "vfiod serves" serving
load e1000e
wait_for "the kernel gives it to the driver when that is back" driver_is $e1000e e1000e
check "and the administrator can give it back then" vfioctl release $e1000e
equal "its driver has it" e1000e "$(driver_of $e1000e)"
equal "and it is the host's" unmanaged "$(field $e1000e state)"

quietly vfioctl assign $nvme --user alice
bind nvme $nvme
refused as alice nvme-identify $nvme
names "a lease fails when somebody has taken the function from its VFIO driver" "$(group_of $nvme)"
refused vfioctl assign $nvme --user bob
names "and so does another assignment, which says what to do" "driver nvme" "vfioctl release $nvme"
check "vfiod serves" serving
echo >$sysfs/$nvme/driver_override
check "the administrator can give it back, which it is" vfioctl release $nvme
equal "its driver has it" nvme "$(driver_of $nvme)"
equal "and it is the host's" unmanaged "$(field $nvme state)"

# ---- a device that goes away ----------------------------------------------------------------------------------
quietly vfioctl release $edu
quietly vfioctl assign $edu --user alice
echo 1 >$sysfs/$edu/remove
unknown() { ! vfioctl show "$1"; }
wait_for "vfiod forgets a function that was removed" unknown $edu
refused vfioctl assign $edu --user bob
names "which is not there any more" "no PCI function $edu" "taken when it appears"
echo 1 >/sys/bus/pci/rescan
wait_for "it is assigned when it is there again" state_is $edu free
equal "to whom it was" 1001 "$(field $edu owner_uid)"
check "who can use it" as alice edu $edu
echo 1 >$sysfs/$edu/remove
wait_for "vfiod forgets it once more" unknown $edu
check "its assignment can be ended while it is away" vfioctl release $edu
refused vfioctl release $edu
names "once" "no PCI function $edu"
echo 1 >/sys/bus/pci/rescan
wait_for "it is there again" state_is $edu unmanaged
equal "and nobody's" null "$(field $edu owner_uid)"
equal "with no driver, as before all this" "" "$(driver_of $edu)"

stop_vfiod
finish
