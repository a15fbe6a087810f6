#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The VFIO device file, and the node /dev/vfiod-pci, with arguments of every wrong kind, and then the former with random
# calls from many threads. PCI_FUZZ_SECONDS (20) and PCI_FUZZ_SEED are how long and which.
# run-options: --single -t 1200
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
e1000e=0000:04:00.0
igb=0000:05:00.0
testdev=0000:06:00.0
seconds=${PCI_FUZZ_SECONDS:-20}
seed=${PCI_FUZZ_SEED:-$RANDOM}

load_pci
use_clients
for function in $edu $nvme $e1000e $igb $testdev; do
	bind "$pci_driver" $function
	give_group $function alice
done

# An edu has most of the tests, functions with MSI-X have those of that: the table of the nvme's is in the middle of its
# BAR, and the igb can be told to raise each of its vectors.
for function in $edu $nvme $e1000e $igb; do
	names=$(as alice pcimisuse "$function")
	[ -n "$names" ] || fail "$function has tests"
	for name in $names; do check "$function: ${name//_/ }" as alice pcimisuse "$name" "$function"; done
done

# The driver's own node, which stock vfio-pci has none of.
[ "$pci_driver" = vfio-pci ] || every_test pcinode $edu

echo "# seed $seed (again with: --env PCI_FUZZ_SEED=$seed)"
status=0
as alice pcifuzz "$seconds" "$seed" $edu $nvme $e1000e $igb $testdev || status=$?
equal "$seconds s of random calls do no harm" 0 $status
check "and the device works after it" as alice pcimisuse the_device_works $edu

finish
