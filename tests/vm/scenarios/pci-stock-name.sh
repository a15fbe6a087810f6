#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One driver has the name vfio-pci: the kernel's own, or the strict one that is loaded with stock_name=1. Who comes second
# is refused and says why, leaves nothing behind, and is nothing to those who use the first.
# run-options: --single
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
igb=0000:05:00.0
module=
needed=()

# Whose the name is.
owner() { basename "$(readlink /sys/bus/pci/drivers/vfio-pci/module)"; }

# What there is of drivers and of their modules, and how often each is used.
traces() {
	lsmod | sort
	find /dev /dev/vfio /sys/bus/pci/drivers /sys/class/misc /sys/kernel/tracing/events -maxdepth 1 | grep vfio | sort
	find /sys/bus/pci/devices/*/driver -printf '%p %l\n'
}

# is_refused COMMAND...: to load the second of the two.
is_refused() {
	local before lines
	before=$(dmesg | wc -l)
	refused "$@"
	names "and why" "Device or resource busy"
	lines=$(dmesg | tail -n +$((before + 1)))
	[[ $lines == *"'vfio-pci' is already registered"* ]] || { echo "# said: $lines"; fail "so does the kernel's log"; }
	ok "so does the kernel's log"
}

# is_second COMMAND...: it is refused, and leaves all as it was.
is_second() {
	local before after
	before=$(traces)
	is_refused "$@"
	after=$(traces)
	[ "$before" = "$after" ] || diff <(echo "$before") <(echo "$after") | sed 's/^/# /' || true
	equal "nothing of it is left" "$before" "$after"
}

# is_harmless COMMAND...: it is refused, time and again, while a function of the first one is opened, used and closed.
is_harmless() {
	local job times=0 function
	for ((i = 0; i < 5; i++)); do pcimisuse the_device_works $edu || exit 1; done >/run/user 2>&1 &
	job=$!
	while alive $job; do
		quietly eval "! ${*@Q}"
		times=$((times + 1))
	done
	wait $job || { sed 's/^/# /' /run/user; fail "the first one's user goes on while that is tried"; }
	ok "the first one's user goes on while that is tried ($times times)"
	for function in $edu $igb; do
		equal "$function still has its driver" vfio-pci "$(driver_of "$function")"
		check "and can be used" pcimisuse errors_and_requests_are_set_tried_and_taken_away "$function"
	done
}

# Somebody opens the strict driver's node as soon as it is there: it must not be there while loading it can still fail.
open_the_node_early() {
	local node
	# shellcheck disable=SC2034  # it is kept open
	until { exec {node}</dev/vfiod-pci; } 2>/dev/null; do
		[ ! -e /run/enough ] || return 0
	done
	echo opened
	until [ -e /run/enough ]; do sleep 0.05; done	# the pause between two looks
}

# ---- the kernel's own is first -----------------------------------------------------------------------------------
load vfio-pci vfio_iommu_type1
use_clients
find_module vfiod_pci
IFS=, read -ra needed < <(modinfo -F depends "$module")
load vfio "${needed[@]}"
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
bind vfio-pci $edu $igb
equal "the name is the kernel's own driver's" vfio_pci "$(owner)"
is_second insmod "$module" stock_name=1
check "there is no node of the strict driver" test ! -e /dev/vfiod-pci
check "nor is its module there" test ! -e /sys/module/vfiod_pci
is_harmless insmod "$module" stock_name=1
open_the_node_early >/run/early &
opener=$!
for ((i = 0; i < 20; i++)); do quietly eval "! insmod ${module@Q} stock_name=1"; done
touch /run/enough
wait $opener
equal "nobody could open the node of a driver that was refused" "" "$(cat /run/early)"
load_strict
check "under its own name it can be there, too" test -c /dev/vfiod-pci
bind vfiod-pci $igb
ok "and has functions"
unbind $igb
rmmod vfiod_pci
unbind $edu
modprobe -r vfio-pci

# ---- the strict one is first ---------------------------------------------------------------------------------------
load_strict stock_name=1
load vfio-pci-core
bind vfio-pci $edu $igb
equal "the name is the strict driver's" vfiod_pci "$(owner)"
is_second modprobe vfio-pci
check "the node is there" test -c /dev/vfiod-pci
is_harmless modprobe vfio-pci
unbind $edu $igb
rmmod vfiod_pci
load vfio-pci
equal "when it has gone the name is the kernel's own driver's again" vfio_pci "$(owner)"
bind vfio-pci $edu
check "which works" pcimisuse the_device_works $edu

finish
