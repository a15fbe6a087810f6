#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: debug
#
# The debug kernel is what the tests of our modules build on: its detectors are on, it fails when it is told to, and it
# has VFIO's newer interfaces. (That its reports make a run fail is for tests/vm/selftest to show.)
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../guest.sh
. "${0%/*}/../guest.sh"

edu=0000:01:00.0
debugfs=/sys/kernel/debug
tracing=/sys/kernel/tracing

equal "lockdep is on" 1 "$(awk '$1 == "debug_locks:" { print $2 }' /proc/lockdep_stats)"
check "kmemleak is on" sh -c "echo scan >$debugfs/kmemleak"

# ---- failing on purpose -----------------------------------------------------------------------------------
echo 0 | tee $debugfs/fail{slab,_page_alloc,_usercopy}/verbose >/dev/null
echo N | tee $debugfs/fail{slab,_page_alloc}/ignore-gfp-wait >/dev/null
# open_with_failure N: opens a file while the Nth thing that can fail in the kernel does.
# shellcheck disable=SC2016  # for the inner shell
open_with_failure() { sh -c 'echo "$1" >/proc/self/fail-nth; : </etc/passwd' sh "$1" 2>&1 || true; }
for n in 1 2 3 4 5 6; do open_with_failure $n; done >/run/failures
check "the nth allocation of a process can fail" grep -q "annot allocate memory" /run/failures
check "the nth copy from user space, too" grep -q "Bad address" /run/failures
for attribute in probability interval times task-filter require-start; do
	check "failslab has $attribute" test -e $debugfs/failslab/$attribute
	check "fail_page_alloc has $attribute" test -e $debugfs/fail_page_alloc/$attribute
done
check "a page fault can be held up" test -c /dev/userfaultfd

# ---- VFIO --------------------------------------------------------------------------------------------------
load vfio-pci
bind vfio-pci $edu
check "a function has a device file of its own" test -c "/dev/vfio/devices/$(ls /sys/bus/pci/devices/$edu/vfio-dev)"
check "and a group, as ever" test -c "/dev/vfio/$(group_of $edu)"
check "there is iommufd" test -c /dev/iommu

# ---- seeing --------------------------------------------------------------------------------------------------
load nvme
check "tracepoints of a module are there" test -d $tracing/events/nvme
echo 1 >$tracing/events/nvme/enable
bind nvme 0000:02:00.0
traced() { grep -q nvme_setup_cmd $tracing/trace; }
wait_for "its events are traced" traced
ok "and are traced"
finish
