#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bad input of every kind: one clear line, an exit status that says what kind of failure it is, a vfiod that goes on
# serving, and no function that is half bound.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
testdev=0000:06:00.0

# status N TEXT COMMAND...: refused with that exit status and that text.
status() {
	local wanted=$1 text=$2
	shift 2
	refused "$@"
	names "it says '$text'" "$text"
	equal "its exit status is $wanted" "$wanted" "$exit_status"
}

# ---- no daemon -------------------------------------------------------------------------------------------
use_clients
status 3 "vfiod is not running" vfioctl list
status 3 "vfiod is not running" vfioctl show $edu
status 3 "vfiod is not running" vfioctl assign $edu --user alice
status 3 "vfiod is not running" vfioctl release $edu
status 1 "vfiod is not running" as alice edu $edu
status 1 "vfiod is not running" as alice nvme-identify $nvme

# ---- configuration that is wrong ---------------------------------------------------------------------------
# wrong FILE LINE TEXT: with what comes on standard input in FILE, vfiod does not start and says where and what.
wrong() {
	local file=$1 line=$2 text=$3
	cat >"$file"
	refused vfiod
	names "vfiod names the file, the line and the mistake" "$file:$line: " "$text"
	refused vfiod --check-config
	names "and --check-config likewise" "$file:$line: " "$text"
	rm "$file"
}

mkdir -p /etc/vfiod/conf.d
main=/etc/vfiod/vfiod.conf
extra=/etc/vfiod/conf.d/50-lab.conf
wrong $main 2 colour <<CONF
rule "edu" {
	colour = "red"
}
CONF
wrong $main 3 "not a PCI address" <<CONF
# a comment
rule "edu" {
	address = "1:0.0"
}
CONF
wrong $main 1 "no such user" <<CONF
rule "edu" { address = "$edu" users = { "alice", "nobody-knows" } }
CONF
wrong $main 4 "no such group" <<CONF
rule "edu" {
	address = "$edu"

	groups = { "nobody-knows" }
}
CONF
wrong $main 2 "not a PCI id" <<CONF
rule "edu" {
	vendor = "0x1234"
}
CONF
wrong $main 2 "not a PCI class" <<CONF
rule "edu" {
	class = "disk"
}
CONF
wrong $main 3 "best-effort" <<CONF
rule "edu" {
	address = "$edu"
	reset = "never"
}
CONF
wrong $main 3 "'assign'" <<CONF
rule "edu" {
	address = "$edu"
	assign = perhaps
}
CONF
wrong $main 3 "not what it is about" <<CONF
rule "edu" {
	assign = false
}
CONF
wrong $main 1 "brace" <<CONF
rule "edu" {
	address = "$edu"
CONF
wrong $main 1 ruel <<CONF
ruel "edu" { address = "$edu" }
CONF
printf 'rule "edu" { address = "%s" }\n' $edu >$main
wrong $extra 2 edu <<CONF
# the same title as in the other file
rule "edu" {
}
CONF
wrong $extra 2 "not a PCI class" <<CONF
rule "network" {
	class = "2"
}
CONF
refused vfiod --config /etc/vfiod/nothing.conf
names "a file that was named has to exist" /etc/vfiod/nothing.conf
refused vfiod --config /etc/vfiod
names "and to be a file" /etc/vfiod
refused vfiod --colour
refused vfiod now
check "no socket is left of a vfiod that did not start" test ! -e /run/vfiod/admin.sock

# ---- the module is not loaded ----------------------------------------------------------------------------
configure <<CONF
rule "the test device is the host's" { address = "$testdev"  assign = false }
CONF
start_vfiod
equal "no VFIO driver is loaded" "" "$(ls -d /sys/bus/pci/drivers/vfio{,d}-pci 2>/dev/null || true)"
before=$(snapshot)
status 1 "not loaded" vfioctl assign $edu --user alice
nothing_half_done "a refusal for want of the driver"
if [ "$vfio_driver" = vfio-pci ]; then
	follow "load it: "
else
	stop_vfiod
	load_vfio
	start_vfiod
fi
load nvme
wait_for "the kernel's nvme driver has $nvme" driver_is $nvme nvme
before=$(snapshot)

# ---- addresses and functions -------------------------------------------------------------------------------
for address in "" 1 01:00 0000:01:00 01:00.8 01:20.0 01:00.0x "01:00.0 " " 01:00.0" 01:00.00 001:00.0 g1:00.0 \
	0000:01:00.0:0 ../01:00.0 /sys/bus/pci/devices/0000:01:00.0 100000000:01:00.0 $'01:00.0\n' '*'; do
	refused vfioctl assign "$address" --user alice
	names "it says how an address is written" "not a PCI address" "0000:01:00.0"
done
for command in release show; do status 2 "not a PCI address" vfioctl $command 1:0.0; done
status 1 "not the address" as alice edu 1:0.0
nothing_half_done "malformed addresses"

for address in 0000:01:00.1 0000:ff:1f.7 ffffffff:ff:1f.7; do
	for command in "assign $address --user alice" "release $address" "show $address"; do
		read -ra words <<<"$command"
		status 1 "no PCI function $address" vfioctl "${words[@]}"
	done
done
status 1 "no PCI function 0000:01:00.1" as alice edu 01:00.1
nothing_half_done "addresses where nothing is"

for bridge in 00:00.0 00:04.0 00:1f.0 08:00.0; do
	status 1 "0000:$bridge is a bridge" vfioctl assign $bridge --user alice
done
status 4 "assign = false" vfioctl assign $testdev --user alice
names "the refusal names the rule" "the test device is the host's"
nothing_half_done "functions that stay the host's"

# ---- people ---------------------------------------------------------------------------------------------------
status 1 "no such user: 'carol'" vfioctl assign $edu --user carol
status 1 "no such group: 'wheelbarrow'" vfioctl assign $edu --group wheelbarrow
for number in 4294967295 4294967296 -1 1001x 0x3e9; do
	status 1 "no such user: '$number'" vfioctl assign $edu "--user=$number"
done
status 4 "as root" as alice vfioctl assign $edu --user alice
status 4 "as root" as alice vfioctl release $edu
status 1 "not assigned to anybody" as alice edu $edu
status 1 "not assigned to anybody" vfioctl release $edu
nothing_half_done "the wrong people"

# ---- the command line -----------------------------------------------------------------------------------------
status 2 "no command" vfioctl
status 2 "no command 'asign'" vfioctl asign $edu --user alice
status 2 "needs an argument" vfioctl assign --user alice
status 2 "needs an argument" vfioctl release
status 2 "needs an argument" vfioctl show
status 2 "no owner" vfioctl assign $edu
status 2 "one owner" vfioctl assign $edu --user alice --group pcilab
status 2 "needs a value" vfioctl assign $edu --user
status 2 "unknown option" vfioctl list --colour
status 2 "takes no value" vfioctl list --json=yes
status 2 "$nvme" vfioctl assign $edu $nvme --user alice
status 2 "usage" as alice edu
nothing_half_done "wrong command lines"

# ---- messages ---------------------------------------------------------------------------------------------------
# Columns: what is wrong with the message, the error in the reply, what becomes of the connection.
on_both='
	empty           silence         closed
	one-byte        EBADMSG         closed
	half-a-header   EBADMSG         closed
	no-body         EBADMSG         closed
	a-byte-short    EBADMSG         closed
	a-byte-long     EBADMSG         closed
	huge            EBADMSG         closed
	another-length  EBADMSG         closed
	another-magic   EBADMSG         closed
	another-version EPROTONOSUPPORT closed
	unknown-opcode  ENOSYS          closed
	event           ENOSYS          closed
	flags           EBADMSG         closed
	reserved-bits   EBADMSG         closed
	one-fd          EPERM           closed
	many-fds        EPERM           closed
	second-hello    EBADMSG         closed
	list-of-too-many EINVAL         open
	no-hello        EPROTONOSUPPORT closed
	newer-versions  EPROTONOSUPPORT open
	older-versions  EPROTONOSUPPORT open
	no-versions     EPROTONOSUPPORT open
	hello-with-fd   EPERM           closed
'
on_pub='
	assign          EACCES          open
	unassign        EACCES          open
	revoke          EACCES          open
	acquire         EINVAL          open
'
on_admin='
	assign          EINVAL          open
	unassign        EINVAL          open
	revoke          EINVAL          open
	acquire         EACCES          open
'

# From 6.16 on the kernel itself does not send fds to who wants none (SO_PASSRIGHTS).
if [ "$(printf '%s\n' 6.16 "$(uname -r)" | sort -V | head -n 1)" = 6.16 ]; then
	on_both=$(sed '/-fds\?  *EPERM/s/closed/unsent/' <<<"$on_both")
fi

descriptors_are() { [ "$(descriptors)" = "$1" ]; }

# bad_messages WHO SOCKET TABLE: sends them all, and compares.
bad_messages() {
	local who=$1 socket=$2 kind error state text seen=0 fds
	local -A wanted=()
	while read -r kind error state; do [ -z "$kind" ] || wanted[$kind]="$error $state"; done <<<"$3"
	fds=$(descriptors)
	as "$who" badmsg "$socket" >/run/replies || fail "badmsg reaches its end on $socket"
	while read -r kind error state text; do
		equal "a message with this fault is answered so on $socket: $kind" "${wanted[$kind]}" "$error $state"
		[ "$error" = silence ] || [ -n "$text" ] || fail "the answer to $kind is in words"
		seen=$((seen + 1))
	done </run/replies
	equal "all kinds of bad messages were sent to $socket" ${#wanted[@]} $seen
	wait_for "vfiod has the files open that it had before" descriptors_are "$fds"
}

# the operations that are at the right door ask for nothing that makes sense: no mode, no owner, a bridge, no lease
bad_messages alice /run/vfiod/pub/vfiod.sock "$on_both$on_pub"
nothing_half_done "bad messages on the public socket"
bad_messages root /run/vfiod/admin.sock "$on_both$on_admin"
nothing_half_done "bad messages on the administrator's socket"

# ---- a second daemon ----------------------------------------------------------------------------------------------
refused vfiod
names "there is one vfiod at a time" "another vfiod"
nothing_half_done "the start of a second vfiod"
check "an assignment works after all that" vfioctl assign $edu --user alice
check "and a program" as alice edu $edu
check "and giving it back" vfioctl release $edu
nothing_half_done "a whole round"

# ---- what is in the way of the sockets ----------------------------------------------------------------------------
stop_vfiod
equal "no socket is left after SIGTERM" "" "$(find /run/vfiod -type s)"
echo precious >/run/vfiod/admin.sock
refused vfiod
names "a file in the place of a socket is named" /run/vfiod/admin.sock
equal "and left as it is" precious "$(cat /run/vfiod/admin.sock)"

finish
