#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A BAR of 4 MiB of a function with the strict PCI driver, by mmap (see clients/pcihuge.c): the memory of an ivshmem, which
# keeps what is written to it.
# run-options: --single --device pcie-root-port,id=rpshm,x-speed=5,slot=20,chassis=20 --device ivshmem-plain,bus=rpshm,memdev=shm --qemu -object --qemu memory-backend-ram,id=shm,size=4M
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

shm=0000:0a:00.0

load_pci
load_handles
use_clients
bind "$pci_driver" $shm

names=$(pcihuge)
[ -n "$names" ] || fail "pcihuge has tests"
for name in $names; do
	# what it says is for the log, too: how many faults
	pcihuge "$name" $shm || fail "${name//_/ }"
	ok "${name//_/ }"
done

finish
