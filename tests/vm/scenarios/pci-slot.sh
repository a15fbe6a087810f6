#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Functions of one slot, of which each has its own resets or none (see clients/pcislot.c): an edu, which has none, beside
# an nvme, in one IOMMU group, and another nvme beside an igb, whose functions Linux knows to be separate, in two.
# run-options: --single --device pcie-root-port,id=rpa,x-speed=5,slot=20,chassis=20 --device edu,bus=rpa,multifunction=on --device nvme,bus=rpa,addr=0.1,serial=slot --device pcie-root-port,id=rpb,x-speed=5,slot=21,chassis=21 --device nvme,bus=rpb,multifunction=on,serial=beside --device igb,bus=rpb,addr=0.1,romfile=
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:0a:00.0
nvme=0000:0a:00.1
another=0000:0b:00.0
igb=0000:0b:00.1

load_pci
use_clients
bind "$pci_driver" $edu $nvme $another $igb
equal "edu and nvme share a group" "$(group_of $edu)" "$(group_of $nvme)"
check "the igb has a group of its own" test "$(group_of $igb)" != "$(group_of $another)"

# all_of FUNCTION NEIGHBOUR
all_of() {
	local names name
	names=$(pcislot "$@")
	[ -n "$names" ] || fail "$1 has tests beside $2"
	for name in $names; do check "$1 beside $2: ${name//_/ }" pcislot "$name" "$@"; done
}

all_of $edu $nvme
all_of $igb $another
all_of $another $igb

finish
