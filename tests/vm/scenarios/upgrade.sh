#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The next vfiod, whose journal and protocol are of the next version, takes over from this one while a client does DMA,
# and serves clients of before or tells them why not. This one, installed again, does not touch what it cannot read.
# run-options: --systemd -t 600
# build: next CPPFLAGS="-DJOURNAL_VERSION=2 -DVFIOD_VERSION_MIN=2 -DVFIOD_VERSION_MAX=4"
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
builds=${0%/*}/../../../build
older=/opt/older

property() { systemctl show --value --property "$1" vfiod.service; }
interrupts() { awk -v function_="$edu" 'index($0, "(" function_ ")") { print $2 + $3 }' /proc/interrupts; }
interrupts_beyond() { [ "$(interrupts)" -gt "$1" ]; }
runs() { kill -0 "$1"; }
ended() { ! runs "$1"; }
journal_version() { od -An -t u4 -j 8 -N 4 /run/vfiod/journal | tr -d ' '; }
state_files() { sha256sum /run/vfiod/journal /var/lib/vfiod/assigned/*; }

# What vfiod says is in the journal, and shown when something fails.
journal_at_the_end() {
	[ "$1" = 0 ] || journalctl --no-pager --lines=40 2>&1 | sed 's/^/# /'
	vfiod_scenario_ends "$1"
}
trap 'journal_at_the_end "$?"' EXIT

# put_in BUILD: what "make install" and a package do, over what runs: new files in the place of the old ones.
put_in() {
	cp -R --preserve=mode,links --remove-destination "$builds/$1/root/usr/." /usr/
	systemctl daemon-reload
}

# transfers_go_on SENTENCE
transfers_go_on() {
	local count
	count=$(interrupts)
	wait_for "the client's DMA goes on" interrupts_beyond $((count + 2))
	ok "the client's DMA and interrupts go on $1"
}

# older_client COMMAND...: as alice, with the library and the programs of before
older_client() { as alice env LD_LIBRARY_PATH=$older "$older/$1" "${@:2}"; }

# hello MIN MAX: what vfiod says to a client that speaks these versions
hello() {
	perl -MSocket -e 'socket(S, AF_UNIX, SOCK_SEQPACKET, 0) && connect(S, sockaddr_un(shift)) or die $!;
		send(S, pack("VvvVVQ<vvV", 0x64666676, 0, 1, 32, 0, 7, @ARGV, 0), 0); recv(S, $said, 4096, 0);
		print unpack("x32 Z*", $said)' /run/vfiod/pub/vfiod.sock "$@"
}

# ---- this one ------------------------------------------------------------------------------------------------
[ -x "$builds/next/root/usr/sbin/vfiod" ] || fail "the next vfiod is built (tests/vm/every does so)"
load_handles
use_clients
systemd-sysusers /usr/lib/sysusers.d/vfiod.conf
systemd-tmpfiles --create /usr/lib/tmpfiles.d/vfiod.conf
mkdir -p $older
cp -R "$builds"/default/root/usr/lib/*/lib*.so* /usr/bin/vfioctl /usr/libexec/vfiod/examples/* $older/
check "this vfiod runs" systemctl start vfiod.service
check "a function can be assigned" timeout 60 vfioctl assign $edu --user alice
background holding /run/holder as alice edu --hold $edu
holder=$process
equal "its journal is of this version" 1 "$(journal_version)"

# ---- the next one ----------------------------------------------------------------------------------------------
put_in next
check "the next client is served by this vfiod, which still runs" vfioctl list
transfers_go_on "under what was installed over their vfiod"
check "the next vfiod takes over" systemctl restart vfiod.service
equal "its journal is of the next version" 2 "$(journal_version)"
transfers_go_on "with the next vfiod"
equal "which knows whose they are" "$holder" "$(field $edu holder_pid)"
refused as alice edu $edu
names "so nobody else gets the function" "leased to user"
check "it can assign a function" timeout 60 vfioctl assign $nvme --user alice
check "a client of before is served" older_client vfioctl list
check "and gets a lease" older_client nvme-identify $nvme
said=$(hello 1 1)
names "a client that is older than it can serve is told so" "versions 1 to 1" "this vfiod versions 2 to 4" "upgrade the older"

# ---- this one again ----------------------------------------------------------------------------------------------
put_in default
check "the next vfiod can be stopped" systemctl stop vfiod.service
before=$(state_files)
if systemctl start vfiod.service 2>/dev/null; then fail "this vfiod does not start on the journal of the next one"; fi
ok "this vfiod does not start on the journal of the next one"
equal "and is not started over and over" failed "$(property ActiveState)"
journalctl --sync
said=$(journalctl --no-pager --output=cat --unit vfiod.service | grep "of a newer vfiod" | tail -n 1)
names "it says why, and what to do" /run/vfiod/journal "they go on" "install the newer vfiod again" "remove that file"
equal "it has changed nothing that is written" "$before" "$(state_files)"
transfers_go_on "without a vfiod"

put_in next
check "by its first advice the next vfiod is installed and started again" systemctl start vfiod.service
equal "and knows of the lease" "leased $holder" "$(field $edu state) $(field $edu holder_pid)"
transfers_go_on "with it"

put_in default
check "by its second advice the leases are given up" systemctl stop vfiod.service
rm /run/vfiod/journal
check "and this vfiod starts" systemctl start vfiod.service
wait_for "the client has lost its function" ended "$holder"
ok "the client has lost its function"
wait_for "what this vfiod had assigned is taken anew" state_is $edu free
ok "what this vfiod had assigned is taken anew"
check "and its user gets it" as alice edu $edu
journalctl --sync
said=$(journalctl --no-pager --output=cat --unit vfiod.service | grep "assigned/$nvme" | tail -n 1)
names "what the next one had assigned is the host's until it is assigned again" "a newer vfiod has written it" \
	"until it is assigned again"
check "and can be" timeout 60 vfioctl assign $nvme --user alice
check "and used" as alice nvme-identify $nvme
check "vfiod can be stopped" systemctl stop vfiod.service vfiod.socket vfiod-admin.socket
finish
