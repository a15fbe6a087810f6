#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the strict driver costs its user, beside the kernel's own on the same function, turn about. The ratios are of
# instructions, which the emulator counts, and not of time; where a driver waits, it is for as long as it says.
# kernels: 6.1 6.12
# run-options: --icount --smp 1 --timeout 900
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0 nvme=0000:02:00.0
rounds=${COST_ROUNDS:-3}
reference=vfio-pci strict=vfiod-pci

# What is promised, as a ratio to the kernel's own; "none": a figure, and no promise.
bars="\
config-read-virtual-1 1.0
config-read-virtual-2 1.0
config-read-virtual-4 1.0
config-read-hardware-1 1.0
config-read-hardware-2 1.0
config-read-hardware-4 1.0
config-write-virtual-1 1.0
config-write-virtual-2 1.0
config-write-virtual-4 1.0
config-write-hardware-1 1.0
config-write-hardware-2 1.0
config-write-hardware-4 1.0
config-write-command-2 1.0
bar-read-4 1.05
bar-read-8 1.05
first-fault 1.05
fault-on-each-page none
msi 1.05
open 0.05
close none"

# measure_all DRIVER: adds a line for each figure to its file.
measure_all() {
	bind "$1" $edu $nvme
	{ pcicost registers $nvme; pcicost edu $edu; pcicost open $nvme; } >>"/run/$1" || fail "everything of $1 is measured"
}

# median NAME DRIVER
median() { sed -n "s/^$1 //p" "/run/$2" | sort -n | sed -n "$(((rounds + 1) / 2))p"; }

# figure NAME BAR: says it, and whether it is within its bar.
figure() {
	awk -v name="$1" -v bar="$2" -v is="$(median "$1" $strict)" -v was="$(median "$1" $reference)" 'BEGIN {
		printf "bench pci-%s %.0f ns ratio %.3f vs vfio-pci (%.0f ns; %s)\n", name, is, is / was, was,
			bar == "none" ? "no bar" : "at most " bar
		exit bar != "none" && is > bar * was }'
}

load vfio-pci
load_strict
install -m 755 "${VFIOD_CLIENTS:-${0%/*}/../../../build/default/tests/vm/clients}/pcicost" /usr/local/bin/
for ((i = 0; i < rounds; i++)); do
	measure_all $reference
	measure_all $strict
done
beyond=
while read -r name bar; do
	equal "$name is measured in each round" "$rounds $rounds" "$(grep -c "^$name " /run/$reference) $(grep -c "^$name " /run/$strict)"
	figure "$name" "$bar" || beyond+=" $name"
done <<<"$bars"
equal "each figure is within its bar" "" "$beyond"

finish
