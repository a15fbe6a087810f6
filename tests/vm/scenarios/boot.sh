#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The test machine is what devices.sh and guest.sh promise: every other scenario builds on that.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../guest.sh
. "${0%/*}/../guest.sh"

sysfs=/sys/bus/pci/devices

# address, vendor:device, reset methods, VFs it can have ("-": no such file)
devices='
	0000:01:00.0 1234:11e8 bus     -
	0000:02:00.0 1b36:0010 flr,bus -
	0000:03:00.0 1b36:0010 flr,bus 4
	0000:04:00.0 8086:10d3 pm,bus  -
	0000:05:00.0 8086:10c9 flr,pm,bus 8
	0000:06:00.0 1b36:0005 bus     -
	0000:07:00.0 1234:11e8 bus     -
	0000:07:00.1 1b36:0005 -       -
	0000:09:01.0 1234:11e8 bus     -
	0000:09:02.0 8086:100e -       -
'

# facts FUNCTION: its line of the table above, read from sysfs.
facts() {
	local folder=$sysfs/$1 vendor device reset vfs
	vendor=$(cat "$folder/vendor")
	device=$(cat "$folder/device")
	reset=$(cat "$folder/reset_method" 2>/dev/null) || reset=-
	vfs=$(cat "$folder/sriov_totalvfs" 2>/dev/null) || vfs=-
	echo "${vendor#0x}:${device#0x} ${reset// /,} $vfs"
}

# members FUNCTION: the functions of its IOMMU group.
members() {
	local link folder names=
	folder=$(readlink -f "$sysfs/$1/iommu_group")
	for link in "$folder"/devices/*; do names+=" ${link##*/}"; done
	echo "${names# }"
}

while read -r function id reset vfs; do
	[ -n "$function" ] || continue
	equal "$function is $id with reset methods $reset and VFs $vfs" "$id $reset $vfs" "$(facts "$function")"
	equal "$function has no driver" "" "$(driver_of "$function")"
done <<<"$devices"

for function in 0000:0{1,2,3,4,5,6}:00.0; do
	equal "$function is alone in its group" "$function" "$(members "$function")"
done
equal "two functions of a slot share a group" "0000:07:00.0 0000:07:00.1" "$(members 0000:07:00.0)"
equal "devices behind the bridge share a group, with the bridge" "0000:08:00.0 0000:09:01.0 0000:09:02.0" "$(members 0000:09:01.0)"

load vfio-pci
bind vfio-pci 0000:01:00.0
ok "edu is bound to vfio-pci"
check "its group has a node" test -c "/dev/vfio/$(group_of 0000:01:00.0)"
equal "anyone may open the container" 666 "$(stat -c %a /dev/vfio/vfio)"
unbind 0000:01:00.0
equal "and it can be unbound" "" "$(driver_of 0000:01:00.0)"

load igb
bind igb 0000:05:00.0
echo 2 >$sysfs/0000:05:00.0/sriov_numvfs
equal "igb makes two VFs" 0000:05:10.0,0000:05:10.2 "$(readlink $sysfs/0000:05:00.0/virtfn{0,1} | sed 's,../,,' | paste -sd,)"
equal "a VF is alone in its group" 0000:05:10.0 "$(members 0000:05:10.0)"
echo 0 >$sysfs/0000:05:00.0/sriov_numvfs

equal "alice is 1001, with no other group" "1001 1001 1001" "$(as alice sh -c 'id -u; id -g; id -G' | paste -sd' ')"
equal "alice:pcilab is in pcilab too" "1001 1100" "$(as alice:pcilab id -G)"
equal "bob is 1002" 1002 "$(as bob id -u)"
equal "alice has no capability" "0000000000000000" "$(as alice sed -n 's/^Cap.*:\t//p' /proc/self/status | sort -u)"
equal "alice has her home" /home/alice:1001 "$(as alice stat -c %n:%u /home/alice)"
expect_error "Permission denied" as alice cat /dev/mem
add_user carol
equal "a new user gets the next number" 1003 "$(as carol id -u)"

for point in /run:tmpfs /dev/pts:devpts /dev/shm:tmpfs /dev/hugepages:hugetlbfs /sys/fs/cgroup:cgroup2 /sys/kernel/debug:debugfs; do
	equal "${point%:*} is a ${point#*:}" "${point#*:}" "$(findmnt -no FSTYPE "${point%:*}")"
done
check "the loopback interface is up" ip -4 addr show dev lo up scope host
: >/usr/bin/written-by-the-boot-scenario
ok "the root file system can be written, in memory"
check "no module options of the machine outside are seen" test ! -e /etc/modprobe.d

finish
