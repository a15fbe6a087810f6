#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The machine sleeps as far as its devices, each function of the strict PCI driver in use, and wakes up: BARs and
# interrupts work (clients/interrupts.c). On 6.1 virtio's driver takes the root file system away with that.
# kernels: 6.12 debug
# run-options: --single --sleeps
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

load_pci
use_clients
name=every_kind_and_the_BARs_work_after_the_machine_has_slept
for function in 0000:01:00.0 0000:05:00.0; do
	bind "$pci_driver" $function
	check "$function: ${name//_/ }" interrupts $name $function
done

finish
