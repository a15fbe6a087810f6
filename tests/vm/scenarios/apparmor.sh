#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vfiod under its profile of AppArmor (contrib/apparmor), which lets it do all of its work, by hand and as a service, and
# little else; and rules that want a security label of a client.
# run-options: --systemd -t 600
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
igb=0000:05:00.0
profiles=/run/apparmor.d	# of this scenario

# denied: what the kernel has denied under a profile, but for what is tried on purpose below.
denied() { dmesg | sed -n '/profile="probe"/d; /apparmor="DENIED"/p'; }
nothing_denied() {
	! denied | sed 's/^/# /' | grep . || fail "$1"
	ok "$1"
}
confined() { [ "$(cat "/proc/$1/attr/current")" = "vfiod (enforce)" ]; }
has_disk() { find /sys/bus/pci/devices/$nvme/nvme/* -maxdepth 1 -name 'nvme*n[0-9]*' | grep -q .; }

# What the service says is in the journal.
journal_at_the_end() {
	[ "$1" = 0 ] || { denied; systemctl status --no-pager --lines=0 vfiod.service; journalctl --no-pager --lines=30; } 2>&1 |
		sed 's/^/# /'
	vfiod_scenario_ends "$1"
}
trap 'journal_at_the_end "$?"' EXIT

mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security
grep -q apparmor /sys/kernel/security/lsm || fail "this kernel has AppArmor ($(cat /sys/kernel/security/lsm))"
mkdir -p $profiles
install -m 600 /dev/null /root/secret
echo word >/root/secret
load nvme igb
wait_for "$nvme has a disk" has_disk
load_handles
use_clients
check "the profile can be loaded" apparmor_parser --replace "${BASH_SOURCE[0]%/*}/../../../contrib/apparmor/usr.sbin.vfiod"

# ---- all that vfiod does, started by hand ---------------------------------------------------------------------
configure <<'CONF'
rule "edu" {
	vendor = "1234"
	memlock = "64M"
}
CONF
start_vfiod
check "vfiod runs under it" confined "$vfiod_pid"
check "it tells of all functions" vfioctl list --all
check "a function is taken from its driver" vfioctl assign $nvme --user alice
check "another one has none" vfioctl assign $edu --user alice
check "its user drives it" as alice edu $edu
check "and the other one" as alice nvme-identify $nvme
background leased /run/held as alice bash -c "ulimit -l 64; exec lease hold $edu"
equal "a process may lock what its rule says" "Max locked memory         67108864             67108864             bytes" \
	"$(grep 'Max locked' "/proc/$process/limits" | sed 's/ *$//')"
configure </dev/null
check "a configuration is read anew" vfioctl reload
kill -KILL "$vfiod_pid"
wait "$vfiod_pid" 2>/dev/null || true
start_vfiod
equal "the next vfiod knows the lease" leased "$(field $edu state)"
check "and takes it back" vfioctl revoke $edu --grace 0
end KILL "$process"
check "the driver of the host has its function back" vfioctl release $nvme
equal "as before" nvme "$(driver_of $nvme)"
check "virtual functions are made" vfioctl assign $igb --vfs 2 --pool lab --group pcilab
check "and leased" as alice:1100 lease cycle 1 pool:lab
check "and removed" vfioctl release $igb
check "functions are released" vfioctl release $edu
nothing_denied "nothing of that is denied"
stop_vfiod

# ---- and as a service ------------------------------------------------------------------------------------------
quietly systemd-sysusers /usr/lib/sysusers.d/vfiod.conf
quietly systemd-tmpfiles --create /usr/lib/tmpfiles.d/vfiod.conf
quietly systemctl start vfiod.socket vfiod-admin.socket
check "as a service it takes functions" timeout 60 vfioctl assign $nvme --user alice
vfiod_pid=$(systemctl show --value --property MainPID vfiod.service)
check "under its profile" confined "$vfiod_pid"
check "gives them to their users" as alice nvme-identify $nvme
check "is reloaded" systemctl reload vfiod.service
check "is restarted" systemctl restart vfiod.service
check "and gives functions back" timeout 60 vfioctl release $nvme
check "it ends" systemctl stop vfiod.socket vfiod-admin.socket vfiod.service
nothing_denied "nothing of that is denied, either"

# ---- what it cannot do -----------------------------------------------------------------------------------------
# The same profile for a shell: what the shell does without it, it does not do with it.
sed 's|^profile vfiod /usr/sbin/vfiod |profile probe /usr/local/sbin/probe |; s|/usr/sbin/vfiod mr|/usr/local/sbin/probe mr|' \
	"${BASH_SOURCE[0]%/*}/../../../contrib/apparmor/usr.sbin.vfiod" >$profiles/probe
install -m 755 /bin/bash /usr/local/sbin/probe
install -m 755 /bin/bash /usr/local/sbin/free
check "a shell gets the same profile" apparmor_parser --replace $profiles/probe
background ready /run/probe /usr/local/sbin/probe -c 'echo ready; while :; do read -r -t 1 || :; done'
equal "which it runs under" "probe (enforce)" "$(cat "/proc/$process/attr/current")"
end KILL "$process"
equal "and can do what vfiod has to" 0x1234 "$(/usr/local/sbin/probe -c "read -r id </sys/bus/pci/devices/$edu/vendor; echo \"\$id\"")"
quietly ip link set lo up
while IFS='|' read -r what how; do
	/usr/local/sbin/free -c "$how" >/dev/null 2>&1 || fail "without the profile it can $what"
	! /usr/local/sbin/probe -c "$how" >/dev/null 2>&1 || fail "under the profile it cannot $what"
	ok "under the profile it cannot $what"
done <<'TRIES'
run a program|exec /bin/true
read passwords|read -r line </etc/shadow
read files of root|read -r line </root/secret
write configuration|echo >>/etc/vfiod/vfiod.conf
write programs|echo >>/usr/local/sbin/extra
read memory|exec 3</dev/mem
write a disk|echo >/dev/nvme0n1
look for new functions|echo 0 >/sys/bus/pci/rescan
look into a process|exec 3</proc/1/environ
change the kernel|echo 0 >/proc/sys/kernel/panic
talk to the network|exec 3<>/dev/udp/127.0.0.1/9
TRIES

# ---- labels of clients -----------------------------------------------------------------------------------------
cat >$profiles/lab <<'LAB'
abi <abi/3.0>,
profile lab { file, network, unix, signal, ptrace, capability, }
LAB
check "a program of the user's has a profile" apparmor_parser --replace $profiles/lab
configure <<CONF
rule "labels" {
	address = "$edu"
	security-labels = { "lab (enforce)" }
}
CONF
start_vfiod
quietly vfioctl assign $edu --user alice
refused as alice lease hold $edu
names "a program without it does not get the function" "$edu is" "security label" "\"labels\""
if [ -e /sys/kernel/security/apparmor/features/network_v9/af_unix ]; then
	check "the program that has it does" as alice aa-exec --profile lab -- /usr/local/bin/lease cycle 1 $edu
else
	refused as alice aa-exec --profile lab -- /usr/local/bin/lease hold $edu
	names "where the kernel tells no label it is not given away, and that is said" "$edu is" "the kernel tells none of yours"
fi
stop_vfiod
finish
