#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: 6.12 debug
# run-options: --iommu amd
# run-options: --iommu virtio
#
# The IOMMUs that the other scenarios do not have: the functions are in the same groups, and DMA and interrupts work.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0

# members FUNCTION: the functions of its IOMMU group.
members() { find "/sys/bus/pci/devices/$1/iommu_group/devices/" -type l -printf '%f\n' | sort | paste -sd' '; }

load vfio-pci nvme
# Where the IOMMU has a driver that is loaded, Linux before 6.15 gives a function its group with the first driver only.
bind vfio-pci $edu 0000:07:00.0 0000:07:00.1
unbind $edu 0000:07:00.0 0000:07:00.1
equal "a function is alone in its group" $edu "$(members $edu)"
equal "two functions of a slot share a group" "0000:07:00.0 0000:07:00.1" "$(members 0000:07:00.0)"
# of interrupts the virtio one knows nothing, so VFIO is told not to ask there (tests/vm/run)
configure <<CONF
rule "edu" { address = "$edu"  unsafe-interrupts = true }
rule "a drive" { address = "$nvme"  unsafe-interrupts = true }
CONF
start_vfiod
check "edu can be assigned" vfioctl assign $edu --user alice
check "its DMA and interrupts work" as alice edu $edu
check "a drive can be assigned" vfioctl assign $nvme --user alice
check "its DMA works" as alice nvme-identify $nvme
stop_vfiod
finish
