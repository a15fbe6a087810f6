#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Handles made, used, closed, revoked and forgotten by many threads at once, the driver unbound and the module unloaded
# under them (see clients/storm.c): STORM_SECONDS, 20 unless it says otherwise; STORM_SEED repeats a run, more or less.
# run-options: --single
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
seconds=${STORM_SECONDS:-20}
seed=${STORM_SEED:-$RANDOM}

load_handles
use_clients
bind vfio-pci $edu

echo "# STORM_SEED=$seed"
status=0
storm "$seconds" "$seed" $edu || status=$?
equal "a storm of $seconds s with seed $seed passes" 0 $status
check "and all is well after it" handles registers_dma_and_interrupts_work_through_handles $edu
check "the module can be unloaded" rmmod vfiod_handle

finish
