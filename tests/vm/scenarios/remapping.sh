#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run-options: --append intremap=off
# expect-kernel: No interrupt remapping support
#
# On a machine that does not remap interrupts the user of a device could raise any of them: nothing is assigned there
# unless the rule of the function accepts that, also where VFIO was told not to ask.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
parameter=/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts

# accept: a rule that does
accept() { configure <<<"rule \"a trusted user\" { address = \"$edu\"  unsafe-interrupts = true }"; }

load_vfio
load vfio_iommu_type1
use_clients
equal "VFIO asks whether interrupts are remapped" N "$(cat $parameter)"
start_vfiod

# ---- the kernel says so ------------------------------------------------------------------------------------
before=$(snapshot)
refused vfioctl assign $edu --user alice
names "the refusal says what is missing, how to have it, and how to do without" $edu "does not remap interrupts" intremap=on unsafe-interrupts vfiod.conf
nothing_half_done "the refusal for want of interrupt remapping"

accept
check "a rule can accept that" vfioctl reload
refused vfioctl assign $edu --user alice
names "but the kernel refuses still" "does not remap interrupts"
nothing_half_done "the refusal by the kernel"
follow "and by: "
equal "VFIO does not ask any more" Y "$(cat $parameter)"
check "now the function is assigned" vfioctl assign $edu --user alice
check "the log has the rule by which that was done" grep "accepts.*allow_unsafe_interrupts" "$vfiod_log"
check "and its DMA and interrupts work" as alice edu $edu
check "it goes back" vfioctl release $edu

# ---- nobody asks -------------------------------------------------------------------------------------------
configure </dev/null
check "the rule goes" vfioctl reload
before=$(snapshot)
refused vfioctl assign $edu --user alice
names "without the rule it is refused though VFIO would take it" $edu "told not to ask" unsafe-interrupts
nothing_half_done "the refusal where nobody asks"
follow "have it ask: " " or accept"
equal "VFIO asks again" N "$(cat $parameter)"
refused vfioctl assign $edu --user alice
names "and says why it is refused" "does not remap interrupts"
nothing_half_done "the last refusal"

stop_vfiod
finish
