#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The whole story, as ./demo shows it: every command is printed before it runs, and has to end as it should. With
# VFIO_DRIVER=vfiod-pci in the environment it is told with the strict driver, with DEMO_HANDLES=no without vfiod_handle.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../guest.sh
. "${0%/*}/../guest.sh"

examples=/usr/libexec/vfiod/examples
edu=0000:01:00.0
nvme=0000:02:00.0
driver=${VFIO_DRIVER:-vfio-pci}
handles=${DEMO_HANDLES:-yes}
bold=${DEMO_COLOUR:+$'\e[1m'} dim=${DEMO_COLOUR:+$'\e[2m'} plain=${DEMO_COLOUR:+$'\e[0m'}

say() { printf '\n%s# %s%s\n' "$dim" "$*" "$plain"; }

# prompt WHO COMMAND...: what a terminal would show.
prompt() {
	local who=$1 sign='$'
	shift
	[ "$who" != root ] || sign='#'
	printf '%s%s%s %s%s\n' "$bold" "$who" "$sign" "$*" "$plain"
}

# run WHO COMMAND...: it has to succeed.  PATH finds the examples.
run() {
	local who=$1 status=0
	prompt "$@"
	shift
	if [ "$who" = root ]; then "$@" || status=$?; else as "$who" "$@" || status=$?; fi
	[ $status = 0 ] || fail "'$*' of $who succeeds (it ended with $status)"
}

# refused WHO COMMAND...: it has to fail, with one line that says why.
refused() {
	local who=$1 status=0 lines
	prompt "$@"
	shift
	if [ "$who" = root ]; then lines=$("$@" 2>&1) || status=$?; else lines=$(as "$who" "$@" 2>&1) || status=$?; fi
	printf '%s\n' "$lines"
	[ $status != 0 ] || fail "'$*' of $who is refused"
	[ "$(printf '%s\n' "$lines" | wc -l)" = 1 ] || fail "'$*' of $who is refused in one line"
}

# field FUNCTION NAME: what "vfioctl show --json" has under that name.
field() { vfioctl show "$1" --json | sed -n "s/.*\"$2\": *\"\{0,1\}\([^\",]*\).*/\1/p"; }
state_is() { [ "$(field "$1" state)" = "$2" ]; }
says() { grep -q "$1" "$2"; }

PATH=$examples:$PATH
export COLUMNS=100 # the console of the machine does not say how wide it is
load nvme e1000e igb
wait_for "the kernel's nvme driver has $nvme" test "$(driver_of $nvme)" = nvme
cd "${VFIOD_KMOD:-${0%/*}/../../../build/kmod}/$(uname -r)"

if [ "$driver" = vfiod-pci ]; then
	say "root loads the strict driver; on a real machine dkms has installed it: modprobe vfiod_pci"
	IFS=, read -ra needed < <(modinfo -F depends vfiod_pci/vfiod_pci.ko)
	load vfio vfio_iommu_type1 "${needed[@]}"
	run root insmod vfiod_pci/vfiod_pci.ko
else
	load vfio-pci
fi
if [ "$handles" = yes ]; then
	say "root loads the module that can take a device back; on a real machine dkms has installed it: modprobe vfiod_handle"
	run root insmod vfiod_handle/vfiod_handle.ko
	wait_for "its node is there" test -c /dev/vfiod
fi
say "root starts the broker; on a real machine: systemctl start vfiod"
prompt root 'vfiod &'
vfiod 2>/run/vfiod.log &
vfiod=$!
wait_for "vfiod listens" test -S /run/vfiod/pub/vfiod.sock

say "What PCI devices are there, and whose are they?"
run root vfioctl list

say "root gives two of them to alice, who has no privilege and no permission on anything in /dev/vfio"
run root vfioctl assign $edu --user alice
run root vfioctl assign $nvme --user alice
for function in $edu $nvme; do
	[ "$(driver_of $function)" = "$driver" ] || fail "$function is with the driver $driver"
done
run root chmod 600 /dev/vfio/vfio
run root ls -l /dev/vfio
for node in /dev/vfio/*; do
	! as alice test -r "$node" && ! as alice test -w "$node" || [ -d "$node" ] || fail "alice has no permission on $node"
done
run alice id

say "alice drives an edu card: registers, DMA both ways, an interrupt"
run alice edu $edu
say "and an NVMe drive: an admin queue in her own memory"
run alice nvme-identify $nvme

say "bob may not"
refused bob edu $edu

say "alice's program holds the card, and is killed without a chance to clean up"
prompt alice "edu --hold $edu &"
as alice edu --hold $edu >/run/hold.log 2>&1 &
job=$!
wait_for "alice's program holds the card" says holding /run/hold.log
cat /run/hold.log
run root vfioctl show $edu
if [ "$driver" = vfiod-pci ]; then
	say "what the hardware has of the card's config space, and what alice's program sees of it now"
	run root vfioctl config show --live $edu
fi
run root kill -9 "$(field $edu holder_pid)"
wait "$job" 2>/dev/null || true
say "the kernel has closed her files; vfiod resets the card, checks that it is clean, and has it free again"
wait_for "the card is free" state_is $edu free
grep 'reset and verified' /run/vfiod.log | tail -n 1

say "she starts it again, and it hangs (here it is stopped): it will not hear that the card is wanted elsewhere"
prompt alice "edu --hold $edu &"
: >/run/hold.log
{ as alice edu --hold $edu || exit $?; } >/run/hold.log 2>&1 &
job=$!
wait_for "alice's program holds the card" says holding /run/hold.log
holder=$(field $edu holder_pid)
run root kill -STOP "$holder"
if [ "$handles" = yes ]; then
	say "root takes the card all the same, after a grace of half a second, and gives it to bob"
	run root vfioctl revoke $edu --grace 0.5
	run root vfioctl assign $edu --user bob
	run bob edu $edu
	say "alice's program is still there. What it had of the card is dead:"
	run root kill -CONT "$holder"
	status=0
	wait "$job" || status=$?
	tail -n 1 /run/hold.log
	[ $status = 3 ] || fail "alice's program finds that its device was taken back (it ended with $status)"
else
	say "without the module vfiod_handle nobody can take it from the program"
	refused root vfioctl revoke $edu
	say "but its end gives the card back, and root gives it to bob"
	run root kill -9 "$holder"
	wait "$job" 2>/dev/null || true
	wait_for "the card is free" state_is $edu free
	run root vfioctl assign $edu --user bob
	run bob edu $edu
fi
refused alice edu $edu

say "and everything back to the host: the kernel's own driver has the drive again"
run root vfioctl release $edu
run root vfioctl release $nvme
[ "$(driver_of $nvme)" = nvme ] || fail "the kernel's nvme driver has $nvme back"
[ -z "$(driver_of $edu)" ] || fail "$edu has no driver, as before"
wait_for "the drive's disk is back" test -b /dev/nvme0n1
run root vfioctl list
kill $vfiod
wait $vfiod || fail "vfiod ends cleanly"
say "done"
test_count=1
finish >/dev/null
