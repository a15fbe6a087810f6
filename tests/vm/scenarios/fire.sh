#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Revocation under fire (see clients/fire.c): FIRE_ROUNDS rounds, 15 unless it says otherwise; FIRE_SEED repeats a run.
# Resets and remappings without end, in which QEMU with a thread for each processor loses its way.
# run-options: --single
# What an edu was told before a revocation it tries after it, when its next user lets it: the IOMMU says so.
# expect-kernel: DMAR: DRHD: handling fault status
# expect-kernel: DMAR: \[DMA Write.*fault addr 0xdea[0-9a-f]{4} 
# expect-kernel: AMD-Vi: .*IO_PAGE_FAULT.*address=0xdea[0-9a-f]{4} 
# expect-kernel: virtio_iommu.*page fault from EP [0-9]* at 0xdea[0-9a-f]{4} 
# When VFIO lets go of an MSI, the kernel writes a message of zeros before it switches MSI off (msi_domain_deactivate()):
# an interrupt in between is a write to 0.
# expect-kernel: DMAR: \[DMA Write.*fault addr 0x0 
# expect-kernel: virtio_iommu.*page fault from EP [0-9]* at 0x0 
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
rounds=${FIRE_ROUNDS:-15}
seed=${FIRE_SEED:-$RANDOM}

load_handles
use_clients
bind vfio-pci $edu

echo "# FIRE_SEED=$seed"
status=0
fire "$rounds" "$seed" $edu 2>/run/fire || status=$?
[ $status = 0 ] || tr '\r' '\n' </run/fire | tail -n 20 | sed 's/^/# /'
equal "$rounds rounds with seed $seed: nothing gets through after a revocation" 0 $status

finish
