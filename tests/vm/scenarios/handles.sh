#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Revocable handles over a VFIO driver, without vfiod: what works through them, and what a revocation ends.
# What an edu was told before a revocation it tries after it, when its next user lets it: the IOMMU says so.
# expect-kernel: DMAR: DRHD: handling fault status
# expect-kernel: DMAR: \[DMA Write.*fault addr 0xdea[0-9a-f]{4} 
# expect-kernel: AMD-Vi: .*IO_PAGE_FAULT.*address=0xdea[0-9a-f]{4} 
# expect-kernel: virtio_iommu.*page fault from EP [0-9]* at 0xdea[0-9a-f]{4} 
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0 e1000e=0000:04:00.0

load_handles
use_clients
bind $vfio_driver $edu

# A test more where the kernel has iommufd, which of ours only the debug kernel does.
modprobe -q iommufd || true
every_test handles $edu
# An edu has no power management.
bind $vfio_driver $e1000e
check "a device in D3 has taken pages away from handles' mappings" \
	handles a_device_in_D3_has_taken_pages_away_from_handles_mappings $e1000e

# ---- the module's own end --------------------------------------------------------------------------------
background ready /run/hold handles hold $edu
refused rmmod vfiod_handle
names "the module cannot be unloaded while there are handles" "in use"
end KILL "$process"
wait_for "the module can be unloaded when there is none" rmmod vfiod_handle
ok "the module can be unloaded when there is none"
load_handles
check "a client leaves entries that have ended behind" handles leave_entries $edu
wait_for "they do not keep the module" rmmod vfiod_handle
ok "they do not keep the module"
load_handles
check "and it works when it is loaded again" handles the_next_user_has_the_device_while_the_first_one_lives $edu

# ---- the driver's end --------------------------------------------------------------------------------------
background ready /run/hold handles hold $edu
echo $edu >"/sys/bus/pci/drivers/$vfio_driver/unbind" &
unbinding=$!
end KILL "$process"
wait "$unbinding"
equal "a driver that is unbound waits no longer than for the last handle" "" "$(driver_of $edu)"
bind $vfio_driver $edu
check "and all is well after it" handles registers_dma_and_interrupts_work_through_handles $edu

finish
