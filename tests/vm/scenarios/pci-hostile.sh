#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A hostile client of each function of the machine in turn: it writes all over the config space, and reaches beyond the ends
# of every region. PCI_HOSTILE_SEED repeats the order of its writes; PCI_HOSTILE_FUNCTIONS names the only functions.
# run-options: -t 1500 --qemu -device --qemu pcie-root-port,id=rpats,x-speed=5,slot=20,chassis=20 --qemu -device --qemu virtio-rng-pci,id=translating,bus=rpats,ats=on,aer=on
# qemu-monitor: pcie_aer_inject_error
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
sriov_nvme=0000:03:00.0
e1000e=0000:04:00.0
igb=0000:05:00.0
testdev=0000:06:00.0
several=(0000:07:00.0 0000:07:00.1)
conventional=(0000:09:01.0 0000:09:02.0)
# Of QEMU's devices those of virtio have ATS; this one is behind a port of its own.
ats=0000:0a:00.0
igb_vf=0000:05:10.0
nvme_vf=0000:03:00.1
sysfs=/sys/bus/pci/devices
seed=${PCI_HOSTILE_SEED:-$RANDOM}
echo "# seed $seed (again with: --env PCI_HOSTILE_SEED=$seed)"

# disk_of NVME: its block device; nvme0c1n1 is a path to nvme0n1.
disk_of() { find $sysfs/"$1"/nvme/* -maxdepth 1 -name 'nvme*n[0-9]*' -printf '/dev/%f\n' | sed 's/c[0-9]*n/n/'; }
sum_of() { dd if="$1" iflag=direct bs=64k count=16 status=none | sha256sum; }

# host_works: the disk of a function that is the host's has on it what was written there.
host_works() {
	sync
	[ "$(sum_of "$disk")" = "$sum" ]
}

# take_disk NVME: the host uses that one from now on, by its own driver.
take_disk() {
	bind nvme "$1"
	wait_for "the host has the disk of $1" disk_there "$1"
	disk=$(disk_of "$1")
	head -c 1M /dev/urandom | dd of="$disk" oflag=direct bs=64k status=none
	sum=$(sum_of "$disk")
}
disk_there() { [ -b "$(disk_of "$1")" ]; }

wanted() { [ -z "${PCI_HOSTILE_FUNCTIONS-}" ] || [[ " $PCI_HOSTILE_FUNCTIONS " == *" $1 "* ]]; }

ports=0	# BARs of that kind, of all functions
# assault FUNCTION: which $pci_driver has. All that is said of a fault is shown.
assault() {
	local function=$1 status=0 names name
	wanted "$function" || return 0
	scribble "$function" "$seed" | tee -a /run/scribbled || status=$?
	equal "$function: no write of its user reaches what is the host's" 0 $status
	names=$(overreach)
	[ -n "$names" ] || fail "overreach has tests"
	for name in $names; do
		check "$function: ${name//_/ }" overreach "$name" "$function"
	done
	ports=$((ports + $(overreach --ports "$function")))
	check "$function: a device of the host goes on working" host_works
}

# errors_stay FUNCTION NAME: those that its hardware has noted are the host's to see and to clear. The host is not told of
# them, so that it does neither now; one is noted beside COMMAND, too, as a system error. QEMU knows the function by NAME.
errors_stay() {
	local function=$1 status=0
	wanted "$function" || return 0
	cat >/run/inject <<-INJECT
		. "${0%/*}/../guest.sh"
		setpci -s $function COMMAND=0100:0100 CAP_EXP+08.w=0000:000f ECAP_AER+08.l=0 ECAP_AER+14.l=ffffffff
		qemu_monitor pcie_aer_inject_error $2 RCVR
		qemu_monitor pcie_aer_inject_error $2 POISON_TLP
		[ "\$((0x\$(setpci -s $function STATUS) & 0x4000))" != 0 ] || fail "the system error is noted"
	INJECT
	bind "$pci_driver" "$function"
	scribble --gently "$function" "$seed" "bash /run/inject" || status=$?
	equal "$function: no write of its user clears the status of errors" 0 $status
	unbind "$function"
}

load_pci
use_clients
load nvme

take_disk $nvme
for function in $edu $sriov_nvme $e1000e $igb $testdev $ats; do
	bind "$pci_driver" "$function"
	assault "$function"
	unbind "$function"
done

errors_stay $e1000e nic4
errors_stay $igb nic5

# groups of several
for function in "${several[@]}" "${conventional[@]}"; do bind "$pci_driver" "$function"; done
for function in "${several[@]}" "${conventional[@]}"; do assault "$function"; done

# virtual functions, whose physical ones are the host's
load igb
bind igb $igb
echo 2 >$sysfs/$igb/sriov_numvfs
unbind $igb_vf
bind "$pci_driver" $igb_vf
assault $igb_vf
unbind $igb_vf
echo 0 >$sysfs/$igb/sriov_numvfs

take_disk $sriov_nvme
echo 1 >$sysfs/$sriov_nvme/sriov_numvfs
bind "$pci_driver" $nvme_vf
assault $nvme_vf
unbind $nvme_vf
echo 0 >$sysfs/$sriov_nvme/sriov_numvfs

unbind $nvme
bind "$pci_driver" $nvme
assault $nvme

# The list that scribble has of registers that are the host's is of use where a function has them.
guarded=(BARs ROM "command and status" "interrupt line" "PM control" MSI MSI-X "device control" "link control" AER ARI ATS SR-IOV)
if [ -z "${PCI_HOSTILE_FUNCTIONS-}" ]; then
	check "functions have I/O ports" [ "$ports" -gt 0 ]
	for registers in "${guarded[@]}"; do
		check "$registers: a function has them, and its user none of them" grep -qxF "# guarded: $registers" /run/scribbled
	done
fi

finish
