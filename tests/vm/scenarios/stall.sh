#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Revocation of a client that keeps an operation in the kernel on purpose. The worst case: an administrator who lets
# everybody use userfaultfd for the kernel's own accesses, too; a slow file system (FUSE) does as well.
# The transfer that has lost its memory:
# expect-kernel: DMAR: DRHD: handling fault status
# expect-kernel: DMAR: \[DMA Write.*fault addr 0xdea[0-9a-f]{4} 
# expect-kernel: AMD-Vi: .*IO_PAGE_FAULT.*address=0xdea[0-9a-f]{4} 
# expect-kernel: virtio_iommu.*page fault from EP [0-9]* at 0xdea[0-9a-f]{4} 
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0

load_handles
use_clients
bind vfio-pci $edu
echo 1 >/proc/sys/vm/unprivileged_userfaultfd

every_test stall $edu

finish
