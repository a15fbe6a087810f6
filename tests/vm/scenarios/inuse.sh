#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the host uses is not taken from it: disks and network interfaces in use, a function with virtual functions. After
# what the refusal advises it can be taken, and it comes back as it was.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
multipath=0000:03:00.0	# behind a subsystem: its disk is a virtual device
e1000e=0000:04:00.0
igb=0000:05:00.0
sysfs=/sys/bus/pci/devices

# disk_of FUNCTION: the name of its disk; nvme0c1n1 is a path to nvme0n1.
disk_of() {
	find "$sysfs/$1"/nvme/* -maxdepth 1 -name 'nvme*n[0-9]*' -printf '%f\n' | sed 's/c[0-9]*n/n/'
}
has_disk() { [ -b "/dev/$(disk_of "$1")" ]; }
interface_of() { basename "$sysfs/$1"/net/*; }
has_interface() { [ -e "$sysfs/$1/net/$(interface_of "$1")" ]; }

# used SENTENCE FUNCTION TEXT...: an assignment is refused, with all of the texts, and nothing is changed.
used() {
	local sentence=$1 function=$2
	shift 2
	before=$(snapshot)
	refused vfioctl assign "$function" --user alice
	names "$sentence" "$function is in use" "$@"
	nothing_half_done "that"
}

# taken_and_back FUNCTION DRIVER: it can be taken now, and the host has it again afterwards.
taken_and_back() {
	check "then it can be taken" vfioctl assign "$1" --user alice
	check "and leased" as alice lease cycle 1 "$1"
	check "and released" vfioctl release "$1"
	equal "its driver has it again" "$2" "$(driver_of "$1")"
}

load_vfio
load nvme e1000e igb
for function in $nvme $multipath; do wait_for "$function has a disk" has_disk "$function"; done
for function in $e1000e $igb; do wait_for "$function has an interface" has_interface "$function"; done
use_clients
start_vfiod
mkdir -p /mnt/used

# ---- a disk with a file system ---------------------------------------------------------------------------
for function in $nvme $multipath; do
	disk=$(disk_of "$function")
	quietly mkfs.ext4 -q "/dev/$disk"
	quietly mount "/dev/$disk" /mnt/used
	head -c 1000000 /dev/urandom >/mnt/used/data
	sum=$(sha256sum </mnt/used/data)
	used "the disk and where it is mounted are named" "$function" "$disk" /mnt/used
	follow "unmount it first: "
	taken_and_back "$function" nvme
	wait_for "the disk is back" has_disk "$function"
	disk=$(disk_of "$function")
	quietly mount "/dev/$disk" /mnt/used
	equal "what was on the disk is on it still" "$sum" "$(sha256sum </mnt/used/data)"
	quietly umount /mnt/used
done
disk=$(disk_of $nvme)

# ---- a mount that vfiod does not see -----------------------------------------------------------------------
background elsewhere /run/elsewhere unshare --mount bash -c "mount /dev/$disk /mnt/used && echo elsewhere && exec sleep infinity"
used "a mount in another mount namespace is in the way" $nvme "/dev/$disk" "a mount elsewhere" lsblk
end KILL "$process"
background open /run/exclusive exclusive "/dev/$disk"
used "so is a program that has the disk for itself" $nvme "/dev/$disk" lsblk
end KILL "$process"
load loop
quietly losetup /dev/loop0 "/dev/$disk"
used "so is a loop device" $nvme loop0 "$disk"
follow "then detach it: "
check "what has let go of the disk is not" vfioctl assign $nvme --user alice
check "the disk goes back to the host" vfioctl release $nvme
wait_for "the disk is back" has_disk $nvme
disk=$(disk_of $nvme)

# ---- a partition ---------------------------------------------------------------------------------------------
# A table with one Linux partition, blocks 256 to 8447 of 4 KiB.
{
	head -c 446 /dev/zero
	printf '\0\0\0\0\203\0\0\0\0\1\0\0\0\40\0\0'
	head -c 48 /dev/zero
	printf '\125\252'
	head -c 3584 /dev/zero
} | dd "of=/dev/$disk" bs=4096 conv=notrunc status=none
quietly blockdev --rereadpt "/dev/$disk"
partition=${disk}p1
wait_for "there is a partition" test -b "/dev/$partition"
quietly mkfs.ext4 -q "/dev/$partition"
quietly mount "/dev/$partition" /mnt/used
used "a mounted partition is in the way" $nvme "$partition" /mnt/used
follow "unmount it first: "
quietly mkswap "/dev/$partition"
quietly swapon "/dev/$partition"
used "so is one that the host swaps on" $nvme "$partition" swap
follow "stop that first: "
equal "swapping has stopped" "" "$(tail -n +2 /proc/swaps)"
background open /run/exclusive exclusive "/dev/$partition"
used "so is one that a program has for itself" $nvme "/dev/$disk"
end KILL "$process"
taken_and_back $nvme nvme
wait_for "the partition is back" test -b "/dev/$(disk_of $nvme)p1"

# ---- a network interface -------------------------------------------------------------------------------------
for function in $e1000e $igb; do
	interface=$(interface_of "$function")
	quietly ip link set "$interface" up
	used "the interface that is up is named" "$function" "$interface"
	follow "if nothing needs it: "
	taken_and_back "$function" "$([ "$function" = $igb ] && echo igb || echo e1000e)"
	wait_for "the interface is back" has_interface "$function"
done
interface=$(interface_of $e1000e)
quietly ip link add lan type bridge
quietly ip link set "$interface" master lan
used "an interface that is part of a bridge is in the way, up or not" $e1000e "$interface" bridge
follow "take it out first: "
quietly ip link del lan
quietly ip netns add lab
quietly ip link set "$interface" netns lab
quietly ip -n lab link set "$interface" up
used "an interface that somebody has in another network namespace is in the way" $e1000e namespace
quietly ip netns del lab
wait_for "the interface comes back at the end of the namespace" has_interface $e1000e
taken_and_back $e1000e e1000e

# ---- a program that has the registers ------------------------------------------------------------------------
quietly modprobe uio_pci_generic
bind uio_pci_generic $edu
used "a UIO driver is in the way" $edu UIO
follow "unbind it first: "
echo >$sysfs/$edu/driver_override
taken_and_back $edu ""

# ---- virtual functions -----------------------------------------------------------------------------------------
vf=0000:05:10.0
echo 2 >$sysfs/$igb/sriov_numvfs
before=$(snapshot)
refused vfioctl assign $igb --user alice
names "virtual functions are in the way of their physical one" $igb "2 virtual functions"
nothing_half_done "that"
wait_for "vfiod knows the virtual function" state_is $vf unmanaged
check "a virtual function can be assigned while the host has the physical one" vfioctl assign $vf --user alice
check "and used" as alice lease cycle 2 $vf
said="$igb has 2 virtual functions enabled; disable them first: echo 0 > $sysfs/$igb/sriov_numvfs"
follow "disable them first: "
unknown() { ! vfioctl show "$1"; }
wait_for "vfiod has forgotten the virtual function" unknown $vf
check "vfiod serves" serving
taken_and_back $igb igb

stop_vfiod
finish
