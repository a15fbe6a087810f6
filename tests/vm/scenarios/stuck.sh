#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How soon a function is free when its client stalls in the kernel, or stops: within the grace and 100 ms. The emulator
# counts instructions here, 4 ns for each (a processor of today takes less than a tenth of that), and takes a pause for as
# long as it is; so a busy machine changes nothing.
# kernels: 6.1 6.12
# run-options: --icount=2
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
quietly vfioctl assign $nvme --user bob
baseline

ways=$(stuck)
[ -n "$ways" ] || fail "stuck has ways"
for way in $ways; do
	for grace in 0 1000; do
		status=0
		stuck "$way" $grace "$rounds" $edu || status=$?
		equal "${way//-/ }, with a grace of $grace ms: the function is free in time" 0 $status
	done
	agrees "F34 ${way//-/ }" as bob lease cycle 1 $nvme
done

quietly vfioctl assign $nvme --user alice
status=0
stuck drive 0 "$rounds" $nvme || status=$?
equal "a drive is free as soon as its resets allow" 0 $status
stop_vfiod
finish
