#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Faults of clients, of the kernel, of devices and of the clock under leases by handles, by their numbers in
# tests/faults.tsv. After each of them vfiod, the module and sysfs agree on every function, vfiod has no more files open
# than before, and another user is served.
# qemu-monitor: device_del device_add
# run-options: --single -t 600
# kernels: 6.1 6.12
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0	# that user's
e1000e=0000:04:00.0	# the host's
igb=0000:05:00.0
vf=0000:05:10.0
sysfs=/sys/bus/pci/devices

gone() { [ ! -e "$sysfs/$1" ]; }
unknown() { ! vfioctl show "$1"; }
not() { ! "$@"; }
served() { as bob lease cycle 1 $nvme; }
unharmed() { agrees "$1" as bob lease cycle 1 $nvme; }
overridden() { [ "$(override_of $edu)" = "$vfio_driver" ]; }

# ask ANSWER SENTENCE: what a call of that `lease asked` on its device's file gives.
holder=
ask() {
	local lines
	lines=$(wc -l </run/asked)
	kill -USR1 "$holder"
	wait_for "$2" more_lines_than "$lines"
	equal "$2" "$1" "$(tail -n 1 /run/asked)"
}
more_lines_than() { [ "$(wc -l </run/asked)" -gt "$1" ]; }

# lease_it FUNCTION: alice's $holder has it.
lease_it() {
	background leased /run/asked as alice lease asked "$1"
	holder=$process
}

# let_go: the holder ends.
let_go() {
	end KILL "$holder"
	holder=
}

# remove FUNCTION: from the kernel's devices; it waits for who has it open.
remove() { timeout $((3 * WAIT_SECONDS)) bash -c "echo 1 >$sysfs/$1/remove"; }
rescan() { echo 1 >/sys/bus/pci/rescan; }

configure <<<"revoke-grace = 1"
load_handles
load igb
use_clients
start_vfiod
quietly vfioctl assign $nvme --user bob
quietly vfioctl assign $edu --user alice
baseline

# ---- clients ---------------------------------------------------------------------------------------------------
as alice lease orphan $edu >/run/orphan
read -r _ child </run/orphan
equal "F3 the parent's end does not end the lease of a child that has its files" leased "$(field $edu state)"
unharmed "F3 a parent dies, its child goes on"
kill -KILL "$child"
wait_for "F3 with the child the lease ends" state_is $edu free
unharmed "F3 the child dies, too"

background leased /run/exec as alice lease exec $edu
wait_for "F6 who becomes another program has the lease no more" state_is $edu free
check "F6 though it runs" alive "$process"
unharmed "F6 a client becomes another program"
end KILL "$process"
background leased /run/keep as alice lease keep $edu
becomes() { [ "$(cat "/proc/$process/comm")" = sleep ]; }
wait_for "the client is another program" becomes
equal "F6 who hands a descriptor on has the lease still" leased "$(field $edu state)"
unharmed "F6 a client becomes another program with its descriptor"
end KILL "$process"
wait_for "F6 until that ends" state_is $edu free
unharmed "F6 that program ends"

# ---- vfiod's end -------------------------------------------------------------------------------------------------
for signal in TERM KILL; do
	lease_it $edu
	if [ $signal = TERM ]; then
		stop_vfiod
	else
		kill -KILL "$vfiod_pid"
		wait "$vfiod_pid" 2>/dev/null || true
	fi
	ask answers "F17 on SIG$signal the lease goes on without vfiod"
	start_vfiod
	wait_for "what is assigned is free again" state_is $nvme free
	equal "F17 the next vfiod knows whose lease it is" "leased $holder" "$(field $edu state) $(field $edu holder_pid)"
	ask answers "F17 nor has the client noticed that one"
	unharmed "F17 SIG$signal with a lease, and a start"
	let_go
	wait_for "it is free" state_is $edu free
done

# ---- modules -----------------------------------------------------------------------------------------------------
lease_it $edu
check "F35 the module of handles cannot be unloaded while there is a lease" not rmmod vfiod_handle
check "F35 nor can the VFIO driver" not rmmod "${vfio_driver//-/_}"
ask answers "F35 the lease goes on"
unharmed "F35 somebody tries to unload the modules"
let_go
wait_for "it is free" state_is $edu free

# ---- the kernel has no iommufd -----------------------------------------------------------------------------------
check "F40 this kernel has no iommufd" test ! -e /dev/iommu
check "F40 nor device files of VFIO's" test ! -e /dev/vfio/devices
check "F40 a container does it, too" as alice edu $edu
unharmed "F40 a kernel without iommufd"

# ---- removed -----------------------------------------------------------------------------------------------------
lease_it $edu
check "F26 a leased function is removed, after the grace" remove $edu
wait_for "F26 which ends the lease: vfiod forgets it" unknown $edu
ask "No such device" "F26 its client is alive, with a dead handle"
unharmed "F26 removed while it is leased"
rescan
wait_for "F26 it is its owner's when it is back" state_is $edu free
ask "No such device" "F26 which is no lease of the one who had it"
check "F26 but who asks anew gets it" as alice lease cycle 1 $edu
let_go
unharmed "F26 back again"

quietly vfioctl release $edu
fault /sys/bus/pci/drivers_probe write:delay_enter=4000000:when=1
vfioctl assign $edu --user alice >/run/said 2>&1 &
job=$!
wait_for "it is about to be bound" overridden
check "F26 another is served while it is" served
check "F26 it is removed while it is being bound" remove $edu
status=0
wait $job || status=$?
equal "F26 its assignment fails" 1 $status
end_fault
wait_for "F26 vfiod forgets it" unknown $edu
unharmed "F26 removed while it is being bound"
rescan
wait_for "it is back" state_is $edu unmanaged
equal "F26 and nobody's, as nobody was told otherwise" null "$(field $edu owner_uid)"
unharmed "F26 back from that"

quietly vfioctl assign $edu --user alice
fault "$sysfs/$edu/reset" write:delay_enter=4000000:when=1
as alice lease cycle 1 $edu >/run/said 2>&1 &
job=$!
wait_for "it is about to be reset" state_is $edu revoking
check "F26 another is served while it is" served
check "F26 it is removed while it is being reset" remove $edu
wait $job || true
end_fault
wait_for "F26 vfiod forgets it" unknown $edu
unharmed "F26 removed while it is being reset"
rescan
wait_for "F26 it is its owner's when it is back" state_is $edu free
check "F26 and works" as alice edu $edu
unharmed "F26 back from that, too"

# ---- another device in its place -----------------------------------------------------------------------------------
reason_is_there() { [ "$(field $edu quarantine_reason)" != null ]; }
lease_it $edu
qemu_monitor device_del dev1
wait_for "F27 it is pulled out" gone $edu
wait_for "vfiod forgets it" unknown $edu
qemu_monitor device_add pci-testdev,id=other1,bus=rp1
wait_for "another device is in its place" vfioctl show $edu
wait_for "F27 which says that it is another one" reason_is_there
equal "F27 and is not leased to anybody" "unmanaged null null" \
	"$(field $edu state) $(field $edu holder_uid) $(field $edu owner_uid)"
ask "No such device" "F27 nor does the handle of before lead to it"
refused as alice lease hold $edu
unharmed "F27 another device under the address of a leased one"
qemu_monitor device_del other1
wait_for "that is pulled out" unknown $edu
qemu_monitor device_add edu,id=dev1,bus=rp1
wait_for "F27 the one that was assigned is taken when it is back" state_is $edu free
ask "No such device" "F27 without its lease"
let_go
unharmed "F27 the first one is back"

# ---- lost events ----------------------------------------------------------------------------------------------------
# flood: more events than vfiod's socket holds.
flood() {
	local i function
	for ((i = 0; i < 60; i++)); do
		for function in "$sysfs"/*; do echo change >"$function/uevent"; done
	done
}
# Without that right, as a service, its socket holds no more than any; root's has 128 MiB.
stop_vfiod
start_vfiod_under setpriv --bounding-set=-net_admin
wait_for "what is assigned is free again" eval "state_is $edu free && state_is $nvme free"
lost() { grep -c "events were lost" "$vfiod_log" || true; }
lost_more_than() { [ "$(lost)" -gt "$1" ]; }
lease_it $edu
before=$(lost)
kill -STOP "$vfiod_pid"
flood
remove $e1000e
kill -CONT "$vfiod_pid"
wait_for "F37 vfiod says that it has lost events" lost_more_than "$before"
wait_for "F37 and sees what has gone meanwhile" unknown $e1000e
before=$(lost)
kill -STOP "$vfiod_pid"
flood
rescan
kill -CONT "$vfiod_pid"
wait_for "F37 vfiod says so again" lost_more_than "$before"
wait_for "F37 and sees what has come" state_is $e1000e unmanaged
ask answers "F37 leases go on"
unharmed "F37 a flood of events, of which some are lost"
let_go
wait_for "it is free" state_is $edu free
stop_vfiod
start_vfiod
wait_for "what is assigned is free again" eval "state_is $edu free && state_is $nvme free"

# ---- virtual functions ------------------------------------------------------------------------------------------------
# vfs NUMBER: so many from now on; it waits for who has one open.
vfs() { timeout $((3 * WAIT_SECONDS)) bash -c "echo $1 >$sysfs/$igb/sriov_numvfs"; }
wait_for "the kernel's driver has $igb" driver_is $igb igb
check "virtual functions are made" vfs 2
wait_for "vfiod knows one" state_is $vf unmanaged
quietly vfioctl assign $vf --user alice
lease_it $vf
check "F38 they are taken away under a lease, after its grace" vfs 0
wait_for "F38 vfiod forgets it" unknown $vf
ask "No such device" "F38 its client is alive, with a dead handle"
unharmed "F38 virtual functions are taken away under a lease"
check "F38 and are made anew" vfs 1
wait_for "F38 it is its owner's again" state_is $vf free
ask "No such device" "F38 without its lease"
let_go
check "F38 who asks anew gets it" as alice lease cycle 1 $vf
unharmed "F38 the number of virtual functions changes"
quietly vfioctl release $vf
check "they can be taken away" vfs 0
wait_for "vfiod forgets it" unknown $vf

# ---- the clock ----------------------------------------------------------------------------------------------------------
# In bash's SECONDS, too, jumps of it show: nothing waits while it does.
lease_it $edu
announced=$(grep -c "is to end in" "$vfiod_log" || true)
more_announced() { [ "$(grep -c "is to end in" "$vfiod_log")" -gt "$announced" ]; }
uptime_ms() { awk '{ print int($1 * 1000) }' /proc/uptime; }
began=$(uptime_ms)
vfioctl revoke $edu --grace 5 >/run/said 2>&1 &
job=$!
wait_for "the end of a lease is announced" more_announced
quietly date -s "+3 days"
check "F23 a jump of the clock ends no lease" state_is $edu leased
quietly date -s "-7 days"
ask answers "F23 nor does one back"
check "F23 others are served" served
wait $job
check "F23 the time of an announcement is not that of the clock: it was 5 s" test $(($(uptime_ms) - began)) -ge 5000
check "F23 nor was it long" test $(($(uptime_ms) - began)) -lt 60000
unharmed "F23 the clock jumps"
let_go
quietly date -s "+4 days"

stop_vfiod
wait_for "no handle is left" eval '[ "$(table)" = 0 ]'
check "the module can be unloaded when nobody uses it" rmmod vfiod_handle
finish
