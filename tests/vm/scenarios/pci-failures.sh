#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Open, interrupts, resets of the strict driver, and its taking of a function, with each of their allocations failing in
# turn, on the kernel that can do that.
#
# The kernel's interrupt layer does without the files in /proc that it has no memory for, and misses them when it takes the
# interrupt away again.
# expect-report: WARNING: .*remove_proc_entry
# The VFIO core warns of a group that it has made and has no memory to give a file to: it lets go of it as of one whose
# functions have been removed, which they never were (vfio_create_group() in drivers/vfio/group.c).
# expect-report: WARNING: .*vfio_group_release
# kernels: debug
# run-options: --single -t 900
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0

load_pci
use_clients
bind "$pci_driver" $edu $nvme

# Also allocations that may wait fail, and the log stays clean of the stack of each.
for kind in failslab fail_page_alloc fail_usercopy; do
	echo 0 >/sys/kernel/debug/$kind/verbose
	for filter in ignore-gfp-wait ignore-gfp-highmem cache-filter; do
		[ ! -e /sys/kernel/debug/$kind/$filter ] || echo N >/sys/kernel/debug/$kind/$filter
	done
	[ ! -e /sys/kernel/debug/$kind/min-order ] || echo 0 >/sys/kernel/debug/$kind/min-order
done

for function in $edu $nvme; do
	status=0
	pcifailnth $function || status=$?
	equal "what has failed works when it is tried again, on $function" 0 $status
done
check "and the device works after it" pcimisuse the_device_works $edu

# A second for each place: PCI_PROBES=all has both functions taken in both ways.
functions=$edu ways=drivers_probe
if [ "${PCI_PROBES-}" = all ]; then functions="$edu $nvme" ways="bind drivers_probe"; fi
for function in $functions; do
	status=0
	# shellcheck disable=SC2086  # some words
	pciprobe "$pci_driver" $function $ways || status=$?
	equal "a function is taken and works, or is left as it was and taken the next time: $function" 0 $status
	bind "$pci_driver" $function
done
check "and the device works after it, too" pcimisuse the_device_works $edu

finish
