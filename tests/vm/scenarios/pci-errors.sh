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
pair=(0000:07:00.0 0000:07:00.1)

# recovers NAME PORT FUNCTION [NEIGHBOUR]: a test of pcierrors; QEMU knows the port as PORT.
recovers() {
	local name=$1 qemu_port=$2 port kind=UNSUP status=0
	shift 2
	if [[ $name == *a_fatal* ]]; then
		# QEMU's port forgets over a reset how fast its link can be, and Linux 6.1 looks only then; a fatal error of
		# the function itself is in pci-events, on 6.1 as well.
		[[ $(uname -r) != 6.1.* ]] || return 0
		kind=DLP
	fi
	port=$(dirname "$(readlink -f "/sys/bus/pci/devices/$1")")
	background ready /run/errors pcierrors "$name" "$@"
	# have it reported: not every kernel does
	setpci -s "${port##*/}" CAP_EXP+8.w=f:f COMMAND=100:100 BRIDGE_CONTROL=2:2
	qemu_monitor pcie_aer_inject_error "$qemu_port" $kind
	wait "${job_of[$process]}" || status=$?
	[ $status = 0 ] || sed 's/^/# /' /run/errors
	equal "$1, $kind: ${name//_/ }" 0 $status
}

load_pci
use_clients
bind vfiod-pci $igb "${pair[@]}"
names=$(pcierrors)
[ -n "$names" ] || fail "pcierrors has tests"
for name in $names; do
	case $name in
	*neighbour*)
		recovers "$name" rp7 "${pair[0]}" "${pair[1]}"
		recovers "$name" rp7 "${pair[1]}" "${pair[0]}"
		;;
	*) recovers "$name" rp5 $igb ;;
	esac
done

finish
