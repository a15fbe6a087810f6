#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run-options: --no-iommu
#
# On a machine without an IOMMU everybody may look, and nothing is handed out: a device could reach all memory.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0

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

stop_vfiod
finish
