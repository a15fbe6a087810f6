#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Virtual functions that vfiod makes: all of them or none, in a pool, over restarts and boots, and back in order; whoever
# else removes them; and the VF token, which nobody has to know of.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

igb=0000:05:00.0
vfs=(0000:05:10.0 0000:05:10.2 0000:05:10.4)
nvme=0000:03:00.0
nvme_vfs=(0000:03:00.1 0000:03:00.2)
sysfs=/sys/bus/pci/devices

unknown() { ! vfioctl show "$1"; }
number_of() { cat "$sysfs/$1/sriov_numvfs"; }
number_is() { [ "$(number_of "$1")" = "$2" ]; }
autoprobe_of() { cat "$sysfs/$1/sriov_drivers_autoprobe"; }
reason() { field "$1" quarantine_reason; }
reason_has() { [[ $(reason "$1") == *"$2"* ]]; }
made() { vfioctl show "$1" --json | grep -q '"virtual_functions_assigned": *true'; }
kept() { [ -e "/var/lib/vfiod/assigned/$1" ]; }
runs() { kill -0 "$1"; }

# rules [LINE...]: the card is the host's, the virtual functions of the nvme have a pool by their rule.
rules() {
	configure <<-CONF
		revoke-grace = 1
		$*
		rule "the card" { address = "$igb"  assign = false }
		rule "disks" { physical-function = "$nvme"  pool = "disks" }
	CONF
}

# as_before FUNCTION DRIVER: it has no virtual functions, and all of it is as it was.
as_before() {
	equal "$1 has no virtual functions" 0 "$(number_of "$1")"
	equal "its driver has it" "$2" "$(driver_of "$1")"
	equal "and drivers take what appears again" 1 "$(autoprobe_of "$1")"
	check "nothing is kept" bash -c "! [ -e /var/lib/vfiod/assigned/$1 ]"
	wait_for "vfiod says so" bash -c "! vfioctl show $1 --json | grep -q 'virtual_functions_assigned.*true'"
}

# all_free FUNCTION...: assigned to the group, on their VFIO driver.
all_free() {
	local function
	for function; do
		state_is "$function" free && [ "$(field "$function" owner_gid)" = 1100 ] &&
			[ "$(driver_of "$function")" = "$vfio_driver" ] || return
	done
}

# restart: vfiod is killed, and another one starts.
restart() {
	kill -KILL "$vfiod_pid"
	wait "$vfiod_pid" 2>/dev/null || true
	start_vfiod
}

# boot FUNCTION: as far as vfiod sees of one: there is no journal, and no virtual function.
boot() {
	stop_vfiod
	rm /run/vfiod/journal
	echo 0 >"$sysfs/$1/sriov_numvfs"
}

load_handles
load igb nvme
wait_for "the host's driver has $igb" driver_is $igb igb
wait_for "the host's driver has $nvme" driver_is $nvme nvme
rules
use_clients
start_vfiod

# ---- what is refused ----------------------------------------------------------------------------------------
before=$(snapshot)
refused vfioctl assign $igb --vfs 100 --group pcilab
names "more than it can have" "$igb can have " "at most, not 100"
refused vfioctl assign 0000:04:00.0 --vfs 1 --group pcilab
names "a function without them" "no SR-IOV capability"
refused as alice vfioctl assign $igb --vfs 1 --user alice
equal "whoever is not root" 4 "$exit_status"
echo 2 >$sysfs/$igb/sriov_numvfs
refused vfioctl assign $igb --vfs 2 --group pcilab
names "one of which somebody else has made some" "$igb has 2 virtual functions already, which vfiod has not made"
follow "remove them first: "
wait_for "they are gone" unknown "${vfs[1]}"
unbind $igb
refused vfioctl assign $igb --vfs 2 --group pcilab
names "one without a driver" "$igb has no driver"
follow "have the kernel look for one: "
nothing_half_done "what is refused"

# ---- they are made ------------------------------------------------------------------------------------------
said=$(vfioctl assign $igb --vfs 3 --pool nics --group pcilab)
names "each is said to be assigned" "${vfs[0]}, a virtual function of $igb, assigned to @pcilab" "${vfs[2]}"
check "each is free, and has its driver" all_free "${vfs[@]}"
equal "there are as many as were asked for" 3 "$(number_of $igb)"
equal "their physical function has its driver" igb "$(driver_of $igb)"
equal "and is the host's" unmanaged "$(field $igb state)"
equal "what appears after that is the host's to drive" 1 "$(autoprobe_of $igb)"
said=$(vfioctl list)
names "the list says which these are" "$igb has virtual functions: 05:10.0 05:10.2 05:10.4"
check "JSON says that vfiod has made them" made $igb
equal "and whose they are" $igb "$(field "${vfs[1]}" physical_function)"
said=$(vfioctl show "${vfs[0]}")
names "so does show" "a virtual function of $igb, assigned together with the others of it"
wait_for "all are in their pool" bash -c 'vfioctl pool | grep -q "^nics *3 *3 *-$"'
refused vfioctl assign $igb --vfs 1 --group pcilab
names "there are no more to be had" "$igb has virtual functions that vfiod has made"
refused vfioctl assign "${vfs[0]}" --user bob
names "one of them alone goes to nobody else" "go to one owner and back together"
refused vfioctl release "${vfs[0]}"
names "nor back to the host" "vfioctl release $igb"
check "they are kept" kept $igb
check "as one" bash -c "! ls /var/lib/vfiod/assigned | grep -q '^0000:05:10'"

# ---- two users, and another vfiod ---------------------------------------------------------------------------
background leased /run/alice as alice:1100 lease asked pool:nics
alice=$process
background leased /run/bob as bob:1100 lease asked pool:nics
bob=$process
holders() { for vf in "${vfs[@]}"; do field "$vf" holder_uid; done | sort | tr '\n' ' '; }
equal "two users get one of the pool each" "1001 1002 null " "$(holders)"
restart
equal "their leases go on over a restart" "1001 1002 null " "$(holders)"
check "the next vfiod knows what it has made" made $igb
wait_for "and that they are in a pool" bash -c 'vfioctl pool | grep -q "^nics *3 *1 *alice 1, bob 1$"'
refused vfioctl release "${vfs[2]}"
kill -USR1 "$alice"
wait_for "the programs have what they had" grep -q answers /run/alice

# ---- they go in order ---------------------------------------------------------------------------------------
check "they are removed, whoever has them" vfioctl release $igb
check "the programs go on without them" runs "$alice"
check "both" runs "$bob"
kill -USR1 "$bob"
wait_for "as with any revoked lease" grep -q 'ENODEV\|No such device' /run/bob
for vf in "${vfs[@]}"; do
	check "$vf is not there" test ! -e "$sysfs/$vf"
	check "nor in the list" unknown "$vf"
done
as_before $igb igb
order=$(grep -o "lease [0-9]* of user [0-9]* ended\|0000:05:10.[0-9] given back\|$igb has no virtual" "$vfiod_log" |
	sed 's/^lease.*/ended/; s/.*given back/back/; s/.*no virtual/removed/' | tr '\n' ' ')
equal "leases end, then each is given back, then they are removed" "ended ended back back back removed " "$order"
end KILL "$alice"
end KILL "$bob"

# ---- all or none --------------------------------------------------------------------------------------------
rules "rule \"not this one\" { address = \"${vfs[1]}\"  assign = false }"
check "a rule forbids one of them" vfioctl reload
before=$(snapshot)
refused vfioctl assign $igb --vfs 3 --group pcilab
names "then none is assigned" "${vfs[1]} stays the host's: rule \"not this one\""
as_before $igb igb
nothing_half_done "what failed half-way"
rules
check "without the rule" vfioctl reload
vfioctl assign $igb --vfs 7 --group pcilab >/run/seven 2>&1 &
seven=$!
wait_for "seven are made" number_is $igb 7
restart
wait "$seven" || true
wait_for "a vfiod that finds that another one has died over it removes them" number_is $igb 0
wait_for "all of them" unknown "${vfs[0]}"
as_before $igb igb

# ---- boots --------------------------------------------------------------------------------------------------
check "two are made" vfioctl assign $igb --vfs 2 --pool nics --group pcilab
boot $igb
start_vfiod
wait_for "after a boot they are there again" all_free "${vfs[0]}" "${vfs[1]}"
wait_for "all of them" made $igb
check "in their pool" bash -c 'vfioctl pool | grep -q "^nics *2 *2 *-$"'
boot $igb
unbind $igb
start_vfiod
check "where its driver is not there yet" reason_has $igb "when it has a driver"
echo $igb >/sys/bus/pci/drivers_probe
wait_for "they are made when it comes" all_free "${vfs[0]}" "${vfs[1]}"
wait_for "and nothing is left to say" reason_has $igb null

# ---- somebody else removes them: F38 ------------------------------------------------------------------------
background leased /run/alice as alice:1100 lease asked "${vfs[0]}"
alice=$process
check "somebody else can remove them under a lease" timeout 20 bash -c "echo 0 >$sysfs/$igb/sriov_numvfs"
wait_for "they are missed" unknown "${vfs[0]}"
wait_for "both" unknown "${vfs[1]}"
wait_for "which is said" reason_has $igb "somebody has removed its virtual functions"
check "the program goes on without" runs "$alice"
end KILL "$alice"
restart
check "and is no reason to make them again" reason_has $igb "after the next boot"
equal "at all" 0 "$(number_of $igb)"
check "they can be given up" vfioctl release $igb
as_before $igb igb
check "and made anew" vfioctl assign $igb --vfs 2 --pool nics --group pcilab
stop_vfiod
echo 0 >$sysfs/$igb/sriov_numvfs
start_vfiod
check "the same where there was no vfiod meanwhile" reason_has $igb "after the next boot"
check "they can be given up" vfioctl release $igb

# ---- of a disk ----------------------------------------------------------------------------------------------
check "an nvme makes some, too" vfioctl assign $nvme --vfs 2 --group pcilab
check "which are free" all_free "${nvme_vfs[@]}"
check "in the pool of their rule" bash -c 'vfioctl pool | grep -q "^disks *2 *2 *-$"'
background leased /run/alice as alice:1100 lease asked pool:disks
kill -USR1 "$process"
wait_for "a program can use one" grep -q answers /run/alice
end KILL "$process"
wait_for "it is free again" all_free "${nvme_vfs[@]}"
check "they are removed" vfioctl release $nvme
as_before $nvme nvme

# ---- the token ----------------------------------------------------------------------------------------------
if [ "$vfio_driver" = vfio-pci ]; then
	bind vfio-pci $igb
	echo 0 >/sys/module/vfio_pci/parameters/enable_sriov
	refused vfioctl assign $igb --vfs 2 --pool nics --group pcilab
	names "vfio-pci makes none, where it is not allowed to" "driver vfio-pci" "enable_sriov"
	follow "that is allowed: "
	check "then it does" vfioctl assign $igb --vfs 2 --pool nics --group pcilab
	check "each is free" all_free "${vfs[0]}" "${vfs[1]}"
	background leased /run/alice as alice:1100 lease asked "${vfs[0]}"
	alice=$process
	kill -USR1 "$alice"
	wait_for "a program can use one and knows of no token" grep -q answers /run/alice
	refused as bob:1100 lease group "${vfs[1]}"
	names "the group's file is not given away, which is of no use without" "the VF token, which vfiod tells nobody"
	restart
	background leased /run/bob as bob:1100 lease asked "${vfs[1]}"
	bob=$process
	kill -USR1 "$bob"
	wait_for "the next vfiod opens them, too" grep -q answers /run/bob
	check "no log has the token" bash -c "! grep -iE 'vf_token|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' $vfiod_log"
	equal "root alone can read it" 600 "$(stat -c %a /run/vfiod/journal)"
	check "they are removed" vfioctl release $igb
	as_before $igb vfio-pci
	end KILL "$alice"
	end KILL "$bob"
fi

stop_vfiod
finish
