#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The port of a function of the strict PCI driver reports errors, which QEMU injects, and its user recovers (see
# clients/pcierrors.c). The NICs of QEMU cannot report any themselves: their Device Control has no bits for that.
# qemu-monitor: pcie_aer_inject_error
# run-options: --single
set -euo pipefail
export VFIO_DRIVER=vfiod-pci
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

igb=0000:05:00.0

load_pci
use_clients
bind vfiod-pci $igb
port=$(dirname "$(readlink -f /sys/bus/pci/devices/$igb)")
port=${port##*/}
names=$(pcierrors)
[ -n "$names" ] || fail "pcierrors has tests"
for name in $names; do
	kind=UNSUP
	if [[ $name == *a_fatal* ]]; then
		# QEMU's port forgets over a reset how fast its link can be, and Linux 6.1 looks only then; a fatal error of
		# the function itself is in pci-events, on 6.1 as well.
		[[ $(uname -r) != 6.1.* ]] || continue
		kind=DLP
	fi
	background ready /run/errors pcierrors "$name" $igb
	# have it reported: not every kernel does
	setpci -s "$port" CAP_EXP+8.w=f:f COMMAND=100:100 BRIDGE_CONTROL=2:2
	qemu_monitor pcie_aer_inject_error rp5 $kind
	status=0
	wait "${job_of[$process]}" || status=$?
	[ $status = 0 ] || sed 's/^/# /' /run/errors
	equal "$kind: ${name//_/ }" 0 $status
done

finish
