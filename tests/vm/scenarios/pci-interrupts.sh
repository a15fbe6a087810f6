#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Interrupts of a function that has the strict PCI driver (see clients/interrupts.c): an edu, an igb, which has mask
# bits and MSI-X, and an xHCI controller with sixteen messages of MSI, triggered by hand. Then
# PCI_IRQ_ROUNDS rounds, 300 unless it says otherwise, of enabling and disabling what keeps firing (clients/irqrounds.c);
# PCI_IRQ_SEED repeats them, more or less. PCI_IRQ_FUNCTIONS has the only functions, each of them with =ROUNDS if it is to
# have more or less of them than others, and PCI_IRQ_WAYS the only ways in which users go.
# run-options: --single --edus 4 --device pcie-root-port,id=rpxhci,x-speed=5,slot=20,chassis=20 --device nec-usb-xhci,bus=rpxhci,msi=on,msix=off
# When an MSI is let go of, the kernel writes a message of zeros before it switches MSI off (msi_domain_deactivate()): an
# interrupt in between is a write to 0.
# expect-kernel: DMAR: DRHD: handling fault status
# expect-kernel: DMAR: \[DMA Write.*fault addr 0x0 
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
igb=0000:05:00.0
xhci=0000:0e:00.0
others=(0000:0a:00.0 0000:0b:00.0 0000:0c:00.0 0000:0d:00.0)
rounds=${PCI_IRQ_ROUNDS:-300}
seed=${PCI_IRQ_SEED:-$RANDOM}
functions=${PCI_IRQ_FUNCTIONS:-$edu $igb}
ways=${PCI_IRQ_WAYS:-close revoke}

load_pci
load_handles
use_clients
bind "$pci_driver" $edu $igb $xhci "${others[@]}"

# all_of FUNCTION [OTHER...]
all_of() {
	local names name
	names=$(interrupts "$@")
	[ -n "$names" ] || fail "$1 has tests"
	for name in $names; do check "$1: ${name//_/ }" interrupts "$name" "$@"; done
}
all_of $edu "${others[@]}"
all_of $igb
if [ "$pci_driver" = vfiod-pci ]; then
	name=every_one_of_many_messages_is_masked_and_triggered_by_hand
	check "$xhci: ${name//_/ }" interrupts $name $xhci
fi

echo "# PCI_IRQ_SEED=$seed"
for function in $functions; do
	number=$rounds
	if [[ $function == *=* ]]; then number=${function#*=} function=${function%=*}; fi
	for way in $ways; do
		status=0
		irqrounds "$number" "$seed" "$way" "$function" || status=$?
		equal "$function: $number rounds with seed $seed, its users gone by $way" 0 $status
	done
done
all_of $edu "${others[@]}"

finish
