#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How soon a function is free when its client stalls in the kernel, or stops: within the grace and 100 ms. The emulator
# counts instructions here, 16 ns for each (a sixtieth of what a processor does), and takes a pause for as long as it is;
# so a busy machine changes nothing.
# run-options: --icount
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
rounds=${STUCK_ROUNDS:-3}

load_handles
use_clients
# The worst case: an administrator who lets everybody use userfaultfd for the kernel's own accesses, too.
echo 1 >/proc/sys/vm/unprivileged_userfaultfd
start_vfiod
quietly vfioctl assign $edu --user alice

for way in $(stuck); do
	for grace in 0 1000; do
		status=0
		stuck "$way" $grace "$rounds" $edu || status=$?
		equal "${way//-/ }, with a grace of $grace ms: the function is free in time" 0 $status
	done
done

# A reset that takes 100 ms itself (PCIe 6.0 §6.6.2), twice: when the kernel closes it, and when it is cleaned.
quietly vfioctl assign $nvme --user alice
background stalled /run/stalled as alice lease stalled $nvme
start=${EPOCHREALTIME/./}
check "so is a drive, whose reset takes longer" vfioctl revoke $nvme --grace 0
printf 'bench stuck_read_0_nvme %s ms\n' $(((${EPOCHREALTIME/./} - start) / 1000))
stop_vfiod
finish
