#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The control node of revocable handles with arguments and files of every wrong kind.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0

load_handles
use_clients
bind vfio-pci $edu

every_test misuse $edu
check "and all is well after it" handles registers_dma_and_interrupts_work_through_handles $edu

finish
