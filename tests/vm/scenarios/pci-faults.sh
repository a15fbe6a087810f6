#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Functions with the strict PCI driver whose BARs come and go under their user (see clients/pcifaults.c): memory decoding,
# resets, power states, FLR, removal; the ROM; virtual functions of igb and nvme; and what the driver does not take.
# PCI_FAULTS_SECONDS (3) is how long all of that happens at once to each function. With SHORT it happens to an edu, an igb,
# one with I/O ports and one virtual function of each kind only.
# run-options: --single --device VGA,addr=1b.0
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
nvme_pf=0000:03:00.0
e1000e=0000:04:00.0
testdev=0000:06:00.0
igb=0000:05:00.0
shared=(0000:07:00.0 0000:07:00.1)
bridge=0000:08:00.0
vga=0000:00:1b.0
sysfs=/sys/bus/pci/devices

load_pci
load_handles
use_clients

# all_of FUNCTION
all_of() {
	local names name
	names=$(pcifaults "$1")
	[ -n "$names" ] || fail "$1 has tests"
	for name in $names; do check "$1: ${name//_/ }" pcifaults "$name" "$1"; done
}

physical=("$edu" "$igb" "$testdev") virtual=1
[ -n "${SHORT-}" ] || physical+=("$nvme" "$e1000e" "${shared[0]}") virtual=2

# ---- what is taken, and used -----------------------------------------------------------------------------------
bind "$pci_driver" $edu $nvme $e1000e $igb $testdev "${shared[@]}"
# QEMU's e1000e keeps its registers over a reset by way of D3.
echo bus >$sysfs/$e1000e/reset_method
for function in "${physical[@]}"; do all_of "$function"; done

# ---- what is given back ----------------------------------------------------------------------------------------------
# is_balanced FUNCTION: one without a driver, whose users are over: the kernel's count of them is 0.
is_balanced() {
	local power=$sysfs/$1/power
	echo auto >"$power/control"
	wait_for "$1 falls asleep when it may" grep -qx suspended "$power/runtime_status"
	echo on >"$power/control"
	equal "$1 falls asleep when it may, and only then" active "$(cat "$power/runtime_status")"
}
for function in $edu $nvme $e1000e $igb $testdev; do
	unbind $function
	is_balanced $function
	bind "$pci_driver" $function
done

# ---- removal ---------------------------------------------------------------------------------------------------
look_for() {
	echo 1 >/sys/bus/pci/rescan
	wait_for "$1 is found again" test -e "$sysfs/$1"
	bind "$pci_driver" "$1"
}
for function in $edu $e1000e; do
	for name in its_removal_is_asked_for_and_waits_for_its_user_whose_loads_go_on \
		its_removal_with_a_revoked_handle_does_not_wait_for_the_client; do
		check "$function: ${name//_/ }" pcifaults $name $function
		look_for $function
		check "$function: and it is all right when it has been found again" \
			pcifaults a_BAR_is_away_while_memory_is_off $function
	done
done

# ---- virtual functions, of PFs that drivers of Linux have ---------------------------------------------------------
# make_vfs PF DRIVER COUNT: $vfs
make_vfs() {
	load "$2"
	bind "$2" "$1"
	wait_for "$1 can have VFs" sh -c "echo $3 >$sysfs/$1/sriov_numvfs"
	mapfile -t vfs < <(readlink "$sysfs/$1"/virtfn* | sed 's,.*/,,')
	equal "$1 has $3 VFs" "$3" "${#vfs[@]}"
	unbind "${vfs[@]}"
}

make_vfs $igb igb 2
# a device in whose mode with MSI-X the driver of its PF has put it: that does so when its interface is up
ip link set "$(ls $sysfs/$igb/net)" up
bind "$pci_driver" "${vfs[@]}"
for function in "${vfs[@]:0:virtual}"; do all_of "$function"; done
# their vectors can be raised, too
names=$(interrupts "${vfs[0]}")
[ -n "$names" ] || fail "${vfs[0]} has tests of interrupts"
for name in $names; do check "${vfs[0]}: ${name//_/ }" interrupts "$name" "${vfs[0]}"; done
unbind "${vfs[@]}"
echo 0 >$sysfs/$igb/sriov_numvfs

make_vfs $nvme_pf nvme 2
bind "$pci_driver" "${vfs[@]}"
for function in "${vfs[@]:0:virtual}"; do all_of "$function"; done
unbind "${vfs[@]}"

# ---- what is refused, in one line of the kernel's log ---------------------------------------------------------------
# is_refused FUNCTION WHAT WORD
is_refused() {
	local before lines
	before=$(dmesg | wc -l)
	unbind "$1"
	echo "$pci_driver" >"$sysfs/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe || true
	equal "$2 is not taken" "" "$(driver_of "$1")"
	lines=$(dmesg | tail -n +$((before + 1)) | grep -F "$1: vfiod-pci" || true)
	[[ $lines == *"$3"* && $lines != *$'\n'* ]] || { echo "# said: $lines"; fail "and one line says why ($3)"; }
	ok "and one line says why: ${lines#*vfiod-pci}"
	echo >"$sysfs/$1/driver_override"
}
if [ "$pci_driver" != vfio-pci ]; then
	is_refused $nvme_pf "a physical function that has virtual ones" "irtual"
	is_refused $bridge "a bridge" "bridge"
	is_refused $vga "a VGA" "VGA"
	is_balanced $vga
fi
bind nvme $nvme_pf
echo 0 >$sysfs/$nvme_pf/sriov_numvfs
bind "$pci_driver" $nvme_pf
ok "without virtual functions it is taken"
if [ "$pci_driver" != vfio-pci ]; then
	check "and makes none then" bash -c "! echo 1 >$sysfs/$nvme_pf/sriov_numvfs"
	equal "so that it may sleep without harm to others" 0 "$(cat $sysfs/$nvme_pf/sriov_numvfs)"
fi

finish
