#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a handle costs: the ratios are of instructions, which the emulator counts, and not of time.
# kernels: 6.1 6.12
# run-options: --icount
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0

load_handles
use_clients
bind vfio-pci $edu

status=0
handlecost $edu || status=$?
equal "each figure is within its bar" 0 $status

finish
