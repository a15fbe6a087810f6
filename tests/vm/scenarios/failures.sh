#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each operation on handles with each of its allocations failing in turn, on the kernel that can do that.
# kernels: debug
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0

load_handles
use_clients
bind vfio-pci $edu

# Also allocations that may wait fail, and the log stays clean of the stack of each.
for kind in failslab fail_page_alloc fail_usercopy; do
	echo 0 >/sys/kernel/debug/$kind/verbose
	for filter in ignore-gfp-wait ignore-gfp-highmem cache-filter; do
		[ ! -e /sys/kernel/debug/$kind/$filter ] || echo N >/sys/kernel/debug/$kind/$filter
	done
	[ ! -e /sys/kernel/debug/$kind/min-order ] || echo 0 >/sys/kernel/debug/$kind/min-order
done

status=0
failnth $edu || status=$?
equal "every failure leaves handles, table and device as they were" 0 $status
check "and all is well after it" handles registers_dma_and_interrupts_work_through_handles $edu

finish
