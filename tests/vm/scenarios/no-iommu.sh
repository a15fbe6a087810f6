#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run-options: --no-iommu
#
# On a machine without an IOMMU everybody may look, and nothing is handed out: a device could reach all memory. Nor is
# what somebody has bound to VFIO by hand, in its no-IOMMU mode; where the kernel has that mode, which Debian's have not
# (CONFIG_VFIO_NOIOMMU).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
mode=/sys/module/vfio/parameters/enable_unsafe_noiommu_mode

load vfio-pci nvme
wait_for "the kernel's nvme driver has $nvme" driver_is $nvme nvme
equal "the machine has no IOMMU groups" "" "$(ls /sys/kernel/iommu_groups)"
start_vfiod

check "vfioctl list works" as alice vfioctl list
check "vfioctl show works" as alice vfioctl show $nvme
equal "a function has no IOMMU group" null "$(field $nvme iommu_group)"

before=$(snapshot)
for function in $edu $nvme; do
	refused vfioctl assign "$function" --user alice
	names "the refusal names the IOMMU and says how to switch it on" "$function" IOMMU intel_iommu=on amd_iommu=on firmware
done
refused as alice edu $edu
names "a program is told that the function is nobody's" $edu "not assigned"
nothing_half_done "the refusals for want of an IOMMU"

# ---- VFIO's no-IOMMU mode --------------------------------------------------------------------------------------
# refused_in_the_mode WHEN: both functions are in it.
refused_in_the_mode() {
	before=$(snapshot)
	for function in $edu $nvme; do
		equal "$function is in the group that VFIO made for it" vfio-noiommu \
			"$(cat "/sys/bus/pci/devices/$function/iommu_group/name")"
		equal "which is none to vfiod, $1" null "$(field "$function" iommu_group)"
		refused vfioctl assign "$function" --user alice
		names "the refusal says what the mode means, and what to do" "$function" "no-IOMMU mode" \
			"all of the machine's memory" intel_iommu=on amd_iommu=on firmware
	done
	refused as alice edu $edu
	names "a program is told that the function is nobody's" $edu "not assigned"
	nothing_half_done "the refusals in VFIO's no-IOMMU mode, $1"
}

if [ -e $mode ]; then
	echo Y >$mode
	bind vfio-pci $edu $nvme
	check "its node is there" test -c "/dev/vfio/noiommu-$(group_of $edu)"
	refused_in_the_mode "which was there before"
	stop_vfiod
	start_vfiod
	refused_in_the_mode "which was started after that"
	unbind $edu
	refused vfioctl assign $edu --user alice
	names "without a driver it is as before" $edu "behind no IOMMU"
	bind nvme $nvme
	refused vfioctl assign $nvme --user alice
	names "and with the host's" $nvme "behind no IOMMU"
else
	echo "# this kernel is without VFIO's no-IOMMU mode (CONFIG_VFIO_NOIOMMU): that vfiod refuses it is not shown here"
	echo vfio-pci >/sys/bus/pci/devices/$edu/driver_override
	echo $edu >/sys/bus/pci/drivers_probe 2>/dev/null || true
	equal "where VFIO has no such mode it cannot be bound by hand" "" "$(driver_of $edu)"
fi

stop_vfiod
finish
