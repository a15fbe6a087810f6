#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An unmodified dpdk-testpmd of alice's sends packets between two NICs: with VFIO's own files, and with handles in
# their place. It must not be able to tell the difference.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

nics=(0000:04:00.0 0000:05:00.0)
export WAIT_SECONDS=120	# it takes its time to start
folder=/run/alice

command -v dpdk-testpmd >/dev/null || fail "dpdk-testpmd is there (build-aux/packages install clients)"
load_handles
use_clients
use_calls
bind $vfio_driver "${nics[@]}"
install -d -o alice $folder
for nic in "${nics[@]}"; do chown alice "/dev/vfio/$(group_of "$nic")"; done
ulimit -l unlimited
# DPDK asks sysfs for a driver by the name of vfio-pci, and for that module, before it opens anything. Where the driver
# has another name, it is shown folders of functions in which there is what it looks for, and that link.
settings=()
show_as_stock() {
	local name
	mkdir -p "/run/functions/$1"
	for name in vendor device subsystem_vendor subsystem_device class resource numa_node; do
		ln -s "/sys/bus/pci/devices/$1/$name" "/run/functions/$1/"
	done
	ln -s "$(readlink "/sys/bus/pci/devices/$1/iommu_group")" "/run/functions/$1/iommu_group"
	ln -s /sys/bus/pci/drivers/vfio-pci "/run/functions/$1/driver"
}
if [ "$vfio_driver" != vfio-pci ]; then
	load vfio-pci
	for nic in "${nics[@]}"; do show_as_stock "$nic"; done
	settings=(SYSFS_PCI_DEVICES=/run/functions)
fi
# Here for every testpmd, so that its files have the same numbers.
exec 7<>/dev/vfiod

# start_testpmd NAME [VARIABLE]: it says in $folder/NAME what it calls, and in NAME.out what it has to say. Without
# randomisation of addresses, so that what it calls can be compared.
start_testpmd() {
	local name=$1
	shift
	rm -f $folder/in
	mkfifo $folder/in
	as alice setarch --addr-no-randomize env XDG_RUNTIME_DIR=$folder LD_PRELOAD="$calls" CALLS_FILE="$folder/$name" \
		"${settings[@]}" "$@" \
		dpdk-testpmd --no-huge -m 64 --no-telemetry "${nics[@]/#/--allow=}" -- \
		--interactive --forward-mode=flowgen --total-num-mbufs=2048 <$folder/in >"$folder/$name.out" 2>&1 &
	job=$!
	exec {to_testpmd}>$folder/in
	program_output=$folder/$name.out
	tell start
	wait_for "packets arrive at both NICs" packets_arrive_or_ended
	kill -0 "$job" || fail "testpmd runs"
	testpmd=$(pgrep -P "$job")
}
tell() { echo "$*" >&"$to_testpmd"; }

# received: the numbers of packets that each NIC has received, as last told.
received() { sed -n 's/^ *RX-packets: \([0-9]*\) *RX-missed.*/\1/p' "$program_output" | tail -n 2; }
packets_arrive_or_ended() {
	kill -0 "$job" || return 0
	tell show port stats all
	[ "$(received | grep -vc '^0$')" = 2 ]
}

# end_testpmd: in good order; sets $status.
end_testpmd() {
	tell stop
	tell quit
	wait_for_testpmd
}
wait_for_testpmd() {
	status=0
	wait "$job" || status=$?
	exec {to_testpmd}>&-
}

# files LINK: how many files of testpmd are that
files() { find "/proc/$testpmd/fd" -lname "$1" | wc -l; }

start_testpmd revoked CALLS_NODE=7
check "the NICs are taken away from a testpmd at work" lend back
wait_for_testpmd
equal "which dies of its next access" $((128 + 7)) "$status"

start_testpmd plain
equal "the next one can have them at once, now by VFIO's own files" 2 "$(files 'anon_inode:\[vfio-device\]')"
end_testpmd
equal "it ends well" 0 "$status"
ok "packets arrive by VFIO's own files ($(received | paste -sd' '))"
for call in 'container ioctl 113: 0' 'device mmap .*: 0' 'device ioctl 110: 0' 'device ioctl 111: 0' 'device write .*: 2'; do
	check "it has used VFIO: $call" grep -q "^$call" $folder/plain
done

start_testpmd handles CALLS_NODE=7
equal "testpmd has both NICs by handles" 2 "$(files 'anon_inode:\[vfiod-device\]')"
equal "and not by VFIO's own files" 0 "$(files 'anon_inode:\[vfio-device\]')"
equal "and the container by a handle" 1 "$(files 'anon_inode:\[vfiod-container\]')"
end_testpmd
equal "it ends well" 0 "$status"
ok "packets arrive by handles ($(received | paste -sd' '))"
check "each of its $(wc -l <$folder/plain) calls has had the same result" diff $folder/plain $folder/handles

finish
