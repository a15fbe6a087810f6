#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Virtual functions that vfiod makes, on the fake machine: what tests/vm/scenarios/sriov.sh does in a virtual one, and what
# fails or dies in the middle of it.
#
#	VFIOD_BUILT=$PWD/build/default build/default/tests/fake/machine run --functions 1 -- tests/fake/sriov.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=vfiod.sh
. "${0%/*}/vfiod.sh"

card=0000:01:00.0
vfs=(0000:01:01.0 0000:01:01.1 0000:01:01.2)
plain=0000:02:00.0
beside=0000:03:00.0	# in the card's group
sysfs=/sys/bus/pci/devices

# ---- what is asked ----------------------------------------------------------------------------------------------
unknown() { ! vfioctl show "$1"; }
number_is() { [ "$(cat $sysfs/$card/sriov_numvfs)" = "$1" ]; }
autoprobe_is() { [ "$(cat $sysfs/$card/sriov_drivers_autoprobe)" = "$1" ]; }
reason_has() { [[ $(field "$1" quarantine_reason) == *"$2"* ]]; }
made() { vfioctl show "$1" --json | grep -q '"virtual_functions_assigned": *true'; }
kept() { [ -e "$state_dir/assigned/$1" ]; }
logged() { grep -q "$1" "$vfiod_log"; }
times_logged() { [ "$(grep -c "$2" "$vfiod_log")" -ge "$1" ]; }
pool_is() { vfioctl pool | grep -q "^nics *$1$"; }
all_free() {
	local function
	for function; do
		state_is "$function" free && [ "$(field "$function" owner_gid)" = 1100 ] && driver_is "$function" vfio-pci || return
	done
}
# as_before: the card has no virtual functions, and all of it is as it was.
as_before() {
	check "the card has no virtual functions" number_is 0
	equal "its driver has it" igb "$(driver_of $card)"
	check "and drivers take what appears again" autoprobe_is 1
	check "nothing is kept of it" bash -c "! [ -e $state_dir/assigned/$card ]"
	wait_for "vfiod has done with it" bash -c "! vfioctl show $card --json | grep -q 'virtual_functions_assigned.*true'"
}

# ---- what is done -----------------------------------------------------------------------------------------------
# rules [LINE...]
rules() {
	configure <<-CONF
		revoke-grace = 1
		$*
		rule "the card" { address = "$card"  assign = false }
	CONF
}
set_number() { machine_does "write $sysfs/$card/sriov_numvfs $1"; }
restart() {
	kill -KILL "$vfiod_pid"
	wait "$vfiod_pid" 2>/dev/null || true
	start_vfiod
}
# shut_down: what a boot leaves of it: no journal, and no virtual function.
shut_down() {
	stop_vfiod
	rm /run/vfiod/journal
	set_number 0
}
plug_in() { machine_does "function $card driver=igb vfs=8 group=50 class=020000"; }
make_three() { check "three are made" vfioctl assign $card --vfs 3 --pool nics --group 1100; }
give_up() {
	check "they are given up" vfioctl release $card
	as_before
}
# begin COMMAND...: it is not waited for; end_it does.
begin() {
	"$@" >/run/begun 2>&1 &
	begun=$!
}
end_it() { wait "$begun" || true; }
# slow ATTRIBUTE; fast ATTRIBUTE: to write to it takes two seconds, or not.
slow() { machine_does "fault $card delay:$1 2000"; }
fast() { machine_does "fault $card delay:$1 off"; }

plug_in
machine_does "function $plain driver=e1000e group=51 class=020000"
rules
start_vfiod

# ---- what is refused --------------------------------------------------------------------------------------------
before=$(snapshot)
refused vfioctl assign $card --vfs 100 --group 1100
names "more than it can have" "can have 8 virtual functions at most, not 100"
refused vfioctl assign $plain --vfs 1 --group 1100
names "a function without them" "no SR-IOV capability"
set_number 2
refused vfioctl assign $card --vfs 2 --group 1100
names "one of which somebody else has made some" "2 virtual functions already, which vfiod has not made"
set_number 0
wait_for "they are gone" unknown "${vfs[1]}"
machine_does "unbind $card"
refused vfioctl assign $card --vfs 2 --group 1100
names "one without a driver" "$card has no driver"
machine_does "bind $card igb"
nothing_half_done "what is refused"

# ---- they are made, used over a restart, and removed in order --------------------------------------------------
make_three
check "each is free, and has its driver" all_free "${vfs[@]}"
check "there are as many as were asked for" number_is 3
equal "the card has its driver" igb "$(driver_of $card)"
equal "and is the host's" unmanaged "$(field $card state)"
check "what appears after that is the host's to drive" autoprobe_is 1
said=$(vfioctl list)
names "the list says which these are" "$card has virtual functions: 01:01.0 01:01.1 01:01.2"
check "JSON says that vfiod has made them" made $card
equal "and whose they are" $card "$(field "${vfs[1]}" physical_function)"
wait_for "all are in their pool" pool_is "3 *3 *-"
refused vfioctl assign $card --vfs 1 --group 1100
refused vfioctl assign "${vfs[0]}" --user 1001
refused vfioctl release "${vfs[0]}"
check "they are kept" kept $card
check "as one" bash -c "! ls $state_dir/assigned | grep -q '^0000:01:01'"
background leased /run/alice as 1001:1100 lease asked pool:nics
alice=$process
background leased /run/bob as 1002:1100 lease asked pool:nics
bob=$process
holders() { for vf in "${vfs[@]}"; do field "$vf" holder_uid; done | sort | tr '\n' ' '; }
equal "two users get one of the pool each" "1001 1002 null " "$(holders)"
restart
equal "their leases go on over a restart" "1001 1002 null " "$(holders)"
check "the next vfiod knows what it has made" made $card
wait_for "and that they are in a pool" pool_is "3 *1 *.*"
check "they are removed, whoever has them" vfioctl release $card
check "the programs go on without them" kill -0 "$alice" "$bob"
for vf in "${vfs[@]}"; do check "$vf is not there" test ! -e "$sysfs/$vf"; done
as_before
order=$(grep -o "lease [0-9]* of user [0-9]* ended\|0000:01:01.[0-9] given back\|$card has no virtual" "$vfiod_log" |
	sed 's/^lease.*/ended/; s/.*given back/back/; s/.*no virtual/removed/' | tr '\n' ' ')
equal "leases end, then each is given back, then they are removed" "ended ended back back back removed " "$order"
end KILL "$alice"
end KILL "$bob"

# ---- all or none ------------------------------------------------------------------------------------------------
rules "rule \"not this one\" { address = \"${vfs[1]}\"  assign = false }"
check "a rule forbids one of them" vfioctl reload
before=$(snapshot)
refused vfioctl assign $card --vfs 3 --group 1100
names "then none is assigned" "${vfs[1]} stays the host's: rule \"not this one\""
as_before
machine_does "fault $card write:sriov_numvfs EPERM 1"
refused vfioctl assign $card --vfs 3 --group 1100
names "what the driver says is told" "driver igb has not made 3 virtual functions"
as_before
nothing_half_done "what failed half-way"
rules
check "without the rule" vfioctl reload

# ---- one of them, or all, cannot be given back -------------------------------------------------------------------
make_three
machine_does "fault ${vfs[1]} write:driver_override EIO"
refused vfioctl release $card
check "one that cannot be given back keeps them there" reason_has $card "could not be removed"
check "kept" kept $card
machine_does "fault ${vfs[1]} write:driver_override off"
give_up
make_three
machine_does "fault $card write:sriov_numvfs EBUSY"
refused vfioctl release $card
names "so do a driver's own reasons" "keeps its virtual functions: Device or resource busy"
check "kept, too" kept $card
restart
check "also for the next vfiod" made $card
machine_does "fault $card write:sriov_numvfs off"
give_up

# ---- udev is behind with its events ------------------------------------------------------------------------------
other=0000:04:00.0
# go_on: udev does, and vfiod has read all of its events when it knows of one more function.
go_on() {
	machine_does "uevents go" "function $other group=54"
	wait_for "vfiod has read all of the events" state_is $other unmanaged
	machine_does "unplug $other"
	wait_for "it is gone" unknown $other
}
none_is_lost() {
	check "none of them is lost by the end of those before" all_free "${vfs[@]}"
	equal "of which nothing is said" null "$(field $card quarantine_reason)"
	give_up
}
make_three
machine_does "uevents hold"
check "they are removed" vfioctl release $card
make_three
go_on
none_is_lost
make_three
machine_does "uevents hold"
check "they are removed" vfioctl release $card
machine_does "fault $card delay:sriov_numvfs 6000"	# what happens meanwhile has several steps
begin vfioctl assign $card --vfs 3 --group 1100
wait_for "while they are made" number_is 3
go_on
fast sriov_numvfs
check "vfiod knows of them by the events of those before" kill -0 "$begun"
end_it
none_is_lost
check "a function is assigned" vfioctl assign $plain --user 1001
machine_does "uevents hold" "uevent $plain change" "unplug $plain"
wait_for "it is pulled out" test ! -e $sysfs/$plain
machine_does "function $plain driver=e1000e group=51 class=020000"
go_on
check "what is in its place is another one, though it looks the same: F27" logged "$plain was unplugged while it was"
wait_for "which is taken as the one before" state_is $plain free
check "it is given back" vfioctl release $plain

# ---- vfiod is killed ---------------------------------------------------------------------------------------------
slow sriov_drivers_autoprobe
begin vfioctl assign $card --vfs 3 --group 1100
wait_for "before the first is made" autoprobe_is 0
restart
end_it
fast sriov_drivers_autoprobe
wait_for "drivers take what appears again" autoprobe_is 1
as_before
slow sriov_drivers_autoprobe
begin vfioctl assign $card --vfs 3 --group 1100
wait_for "when they are there" number_is 3
restart
end_it
fast sriov_drivers_autoprobe
wait_for "they are removed" number_is 0
as_before
make_three
background leased /run/alice as 1001:1100 lease asked pool:nics
begin vfioctl release $card
wait_for "while a lease is to end" logged "is to end in"
refused as 1002:1100 lease hold pool:nics
names "and nobody gets another one" "being removed"
restart
end_it
wait_for "it goes on" number_is 0
wait_for "to its end" unknown "${vfs[0]}"
as_before
end KILL "$process"
make_three
slow sriov_numvfs
begin vfioctl release $card
# this vfiod has given it back once before
wait_for "while they are removed" times_logged 2 "${vfs[2]} given back"
restart
end_it
fast sriov_numvfs
wait_for "it goes on" number_is 0
as_before

# ---- boots -------------------------------------------------------------------------------------------------------
make_three
shut_down
start_vfiod
wait_for "after a boot they are there again" all_free "${vfs[@]}"
wait_for "all of them" made $card
check "in their pool" pool_is "3 *3 *-"
shut_down
machine_does "unbind $card"
start_vfiod
check "where its driver is not there yet" reason_has $card "when it has a driver"
machine_does "bind $card igb"
wait_for "they are made when it comes" all_free "${vfs[@]}"
wait_for "and nothing is left to say" reason_has $card null
shut_down
slow sriov_drivers_autoprobe
start_vfiod
wait_for "a vfiod that is killed while it makes them again" number_is 3
restart
fast sriov_drivers_autoprobe
wait_for "is followed by one that goes on with it" all_free "${vfs[@]}"
wait_for "to the end" made $card
wait_for "with all as it was" autoprobe_is 1
stop_vfiod
rm /run/vfiod/journal
start_vfiod
wait_for "without a journal they are taken over" made $card
check "all of them" all_free "${vfs[@]}"
shut_down
rules "rule \"not this one\" { address = \"${vfs[1]}\"  assign = false }"
start_vfiod
wait_for "what cannot be assigned again is left to the host" reason_has $card "its virtual functions are not made again"
check "all of it" number_is 0
check "and is kept" kept $card
rm /run/vfiod/journal
slow sriov_numvfs
restart
wait_for "a vfiod that is killed while it undoes that" logged "${vfs[0]} given back"
rules
restart
fast sriov_numvfs
wait_for "is followed by one that makes them again" all_free "${vfs[@]}"
wait_for "all of them" made $card
check "and which are kept" kept $card
machine_does "fault ${vfs[2]} delay:driver_override 2000"
begin vfioctl release $card
wait_for "a vfiod that is killed while it gives those back" logged "${vfs[1]} given back"
check "which are kept until then" kept $card
restart
end_it
wait_for "is followed by one that removes them" number_is 0
as_before
make_three

# ---- somebody else removes them: F38 -----------------------------------------------------------------------------
machine_does "unplug ${vfs[1]}"
wait_for "one is missed" reason_has $card "somebody has removed 1 of its 3 virtual functions"
give_up
make_three
background leased /run/alice as 1001:1100 lease asked "${vfs[0]}"
set_number 0
wait_for "all are missed" unknown "${vfs[0]}"
wait_for "which is said" reason_has $card "somebody has removed its virtual functions"
check "the program goes on without" kill -0 "$process"
end KILL "$process"
restart
check "and is no reason to make them again" reason_has $card "after the next boot"
check "at all" number_is 0
give_up
make_three
stop_vfiod
set_number 0
start_vfiod
check "the same where there was no vfiod meanwhile" reason_has $card "after the next boot"
give_up

# ---- the card is pulled out --------------------------------------------------------------------------------------
slow sriov_drivers_autoprobe
begin vfioctl assign $card --vfs 3 --group 1100
wait_for "while they are made" autoprobe_is 0
machine_does "unplug $card"
end_it
check "who asked for them is told" grep -q "was unplugged" /run/begun
wait_for "it is gone" unknown $card
plug_in
wait_for "and comes again" state_is $card unmanaged
as_before
make_three
machine_does "write $sysfs/$card/sriov_numvfs 0" "unplug $card"
wait_for "a card that goes with its virtual functions" unknown $card
plug_in
wait_for "has them again when it is back" all_free "${vfs[@]}"
give_up

# ---- a neighbour in the card's group is assigned meanwhile, by a rule that would take the card along ----------------
machine_does "function $beside driver=e1000e group=50 class=020000"
configure <<<"rule \"together\" { address = \"$beside\"  companions = \"unbind\" }"
check "a rule takes all of its group along" vfioctl reload
slow sriov_drivers_autoprobe
begin vfioctl assign $card --vfs 3 --group 1100
wait_for "while they are made" autoprobe_is 0
refused vfioctl assign $beside --user 1001
names "the card is not taken along" "$card (which has virtual functions enabled"
fast sriov_drivers_autoprobe
end_it
check "they are made all the same" all_free "${vfs[@]}"
equal "and the card has its driver" igb "$(driver_of $card)"
give_up

stop_vfiod
finish
