#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# With the module of handles: a lease is there at once, can be taken back at any moment, and outlives vfiod.
# Many resets and remappings, in which QEMU with a thread for each processor now and then loses its way.
# run-options: --single
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
twin=0000:07:00.0
other_twin=0000:07:00.1

warm() { [ "$(field "$1" warm)" = true ]; }
cold() { [ "$(field "$1" warm)" = false ]; }
not() { ! "$@"; }
runs() { kill -0 "$1"; }
handles() { find /proc/[0-9]*/fd -lname 'anon_inode:\[vfiod-*' 2>/dev/null | wc -l; }
handles_are() { [ "$(handles)" = "$1" ]; }

# ---- without the module --------------------------------------------------------------------------------------
configure <<CONF
rule "a slot of two functions" { address = "$twin"  reset = "best-effort" }
rule "the second one" { address = "$other_twin"  reset = "best-effort" }
CONF
load_vfio
load nvme
use_clients
start_vfiod
quietly vfioctl assign $edu --user alice
equal "without the module nothing is kept warm" false "$(field $edu warm)"
equal "nor can it be revoked" false "$(field $edu revocable)"
background leased /run/raw as alice lease hold $edu
raw=$process
refused vfioctl revoke $edu
names "a revocation says what is missing" "vfiod_handle"

# ---- warm ------------------------------------------------------------------------------------------------------
load_handles
refused vfioctl revoke $edu
names "a lease from before the module is not revocable" "leased without the kernel module"
end KILL "$raw"
wait_for "a function is opened in advance as soon as the module is there" warm $edu
ok "a function is opened in advance as soon as the module is there"
equal "which is free all the same" free "$(field $edu state)"
check "its user uses it" as alice edu $edu
wait_for "it is warm again afterwards" warm $edu
quietly vfioctl assign $nvme --user bob
wait_for "another is warm, too" warm $nvme
check "its user uses it" as bob nvme-identify $nvme
refused as alice nvme-identify $nvme
check "a warm function goes to another user" vfioctl assign $edu --user bob
wait_for "for whom it is opened in advance, too" warm $edu
check "who uses it" as bob edu $edu
refused as alice edu $edu
check "and back to the host" vfioctl release $edu
equal "which has it" "" "$(driver_of $edu)"
quietly vfioctl assign $edu --user alice

# ---- left to a child ---------------------------------------------------------------------------------------------
as alice lease orphan $edu >/run/orphan
read -r _ child </run/orphan
equal "a child that has the connection, too, keeps the lease" leased "$(field $edu state)"
kill -KILL "$child"
wait_for "it is free with the end of the child" state_is $edu free
as alice lease forgotten $edu >/run/forgotten
read -r _ child </run/forgotten
wait_for "the lease of a child without one ends with the process that asked for it" state_is $edu free
check "though the child goes on, with dead handles" runs "$child"
kill -KILL "$child"

# ---- revoked -----------------------------------------------------------------------------------------------------
background leased /run/first as alice lease hold $edu
first=$process
equal "a lease by handles is revocable" true "$(field $edu revocable)"
refused vfioctl assign $edu --user bob
follow "take it back: "
wait_for "it is free" state_is $edu free
check "the client is alive with its dead handles" runs "$first"
check "another user's program is served beside it" bash -c "
	$(declare -f as)
	vfioctl assign $edu --user bob && as bob edu $edu && vfioctl assign $edu --user alice"
background leased /run/second as alice lease hold $edu
check "the same user gets it again beside it" runs "$first"
refused vfioctl revoke $nvme
names "what is not leased cannot be revoked" "not leased"
check "with a grace that nobody uses it is taken all the same" timeout 10 vfioctl revoke $edu --grace 1
equal "it is free then" free "$(field $edu state)"
end KILL "$first"
end KILL "$process"
background registers /run/edu as alice edu --hold $edu
check "a program that heeds the announcement leaves in time" timeout 10 vfioctl revoke $edu --grace 30
wait "${job_of[$process]}" || true
equal "it is free then" free "$(field $edu state)"

# ---- stuck in the kernel ------------------------------------------------------------------------------------------
# The worst case: an administrator who lets everybody use userfaultfd for the kernel's own accesses, too.
echo 1 >/proc/sys/vm/unprivileged_userfaultfd
# in_a_read PROCESS: the kernel has its pread64(), whose number is 17
in_a_read() { grep -q '^17 ' "/proc/$1/syscall"; }
background stalled /run/stalled as alice lease stalled $edu
wait_for "it is stuck" in_a_read "$process"
said=$(timeout 10 vfioctl revoke $edu --grace 0) || fail "a client that is stuck in the kernel is revoked"
names "a client that is stuck in the kernel is revoked, and that it was killed is said" "1 process," "killed"
wait "${job_of[$process]}" 2>/dev/null || true
check "it is gone" not runs "$process"
equal "its function is free" free "$(field $edu state)"
check "and is used again" as alice edu $edu

# ---- released with something left open --------------------------------------------------------------------------
background mapped /run/mapped as alice lease mapped $edu
wait_for "a release takes away a mapping that is left" state_is $edu free
ok "a release takes away a mapping that is left"
end KILL "$process"
as alice lease shared $edu >/run/shared 2>&1 || fail "a release succeeds ($(cat /run/shared))"
wait_for "and what a child has inherited" state_is $edu free
ok "and what a child has inherited"
pkill -KILL -x lease || true
wait_for "all handles are closed" handles_are 0

# ---- the whole group -------------------------------------------------------------------------------------------
wait_for "it is warm" warm $edu
background leased /run/group as alice lease group $edu
for look in 1 2 3 4 5; do
	state_is $edu leased || fail "that vfiod closed it is not taken for its client's close (look $look)"
done
ok "that vfiod closed it is not taken for its client's close"
refused vfioctl revoke $edu
names "a lease of the group's file cannot be revoked" group
end KILL "$process"
wait_for "it is free and warm again" warm $edu

# ---- two functions of a group: each is opened when it is asked for ----------------------------------------------
quietly vfioctl assign $twin --user alice
wait_for "alone in its group with vfiod, it is warm" warm $twin
quietly vfioctl assign $other_twin --user alice
wait_for "it is no more when its neighbour is assigned" cold $twin
check "each of both can be leased" as alice edu $twin
check "one after the other" as alice lease cycle 1 $other_twin
quietly vfioctl release $other_twin
quietly vfioctl release $twin

# ---- policy ----------------------------------------------------------------------------------------------------
stop_vfiod
configure <<'CONF'
warm-devices = 1
CONF
start_vfiod
wait_for "both are free" eval "state_is $edu free && state_is $nvme free"
wait_for "one of two is warm, as policy says" eval "warm $edu || warm $nvme"
check "and only one" eval "cold $edu || cold $nvme"
check "a cold one works, too" as alice edu $edu
check "and a warm one" as bob nvme-identify $nvme
stop_vfiod
configure <<<"warm-devices = 64"
start_vfiod

# ---- vfiod ends, and the lease does not -------------------------------------------------------------------------
wait_for "both are warm" eval "warm $edu && warm $nvme"
background registers /run/edu as alice edu --hold $edu
holder=$process
kill -KILL "$vfiod_pid"
wait "$vfiod_pid" 2>/dev/null || true
start_vfiod
equal "a lease goes on over the death of vfiod" leased "$(field $edu state)"
equal "whose it is is known" "$holder" "$(field $edu holder_pid)"
check "its client has not noticed" runs "$holder"
wait_for "the other one is warm again" warm $nvme
check "and it can be revoked by the new one" vfioctl revoke $edu
equal "it is free" free "$(field $edu state)"
wait "${job_of[$holder]}" 2>/dev/null || true
background leased /run/hold as alice lease hold $edu
holder=$process
kill -KILL "$vfiod_pid"
wait "$vfiod_pid" 2>/dev/null || true
end KILL "$holder"
start_vfiod
wait_for "a lease that ended meanwhile is finished by the new one" state_is $edu free
check "and its user gets it again" as alice edu $edu
background leased /run/hold as alice lease hold $edu
holder=$process
vfioctl revoke $edu --grace 3 >/run/revoked 2>&1 &
revoker=$!
wait_for "a revocation is announced" grep -q "is to end" "$vfiod_log"
kill -KILL "$vfiod_pid"
wait "$vfiod_pid" 2>/dev/null || true
wait $revoker || true
start_vfiod
wait_for "a revocation that had been announced is carried out by the new one" state_is $edu free
ok "a revocation that had been announced is carried out by the new one"
check "its client is alive" runs "$holder"
end KILL "$holder"
wait_for "it is warm" warm $edu
background leased /run/hold as alice lease bare $edu
holder=$process
kill -KILL "$vfiod_pid"
wait "$vfiod_pid" 2>/dev/null || true
start_vfiod
equal "a lease whose container was closed goes on, too" leased "$(field $edu state)"
end KILL "$holder"
wait_for "and ends with its client" state_is $edu free
ok "and ends with its client"

# Of what has been announced nothing is forgotten, wherever the one in between dies: that is before it writes its state a
# second time, if it did that at its start, or else when it is ready.
background leased /run/hold as alice lease hold $edu
holder=$process
background leased /run/other as bob lease hold $nvme
vfioctl revoke $edu --grace 60 >/run/revoked 2>&1 &
revoker=$!
vfioctl revoke $nvme --grace 60 >/run/revoked.other 2>&1 &
wait_for "both are announced" eval '[ "$(grep -c "is to end" "$vfiod_log")" = 2 ]'
kill -KILL "$vfiod_pid"
wait "$vfiod_pid" $revoker $! 2>/dev/null || true
: >"$vfiod_log"
strace --follow-forks --quiet=all --output=/run/strace.log --trace=rename --inject=rename:signal=KILL:when=2 \
	vfiod 2>"$vfiod_log" &
tracer=$!
wait_for "it is ready, or dead" eval "grep -q ' ready: ' $vfiod_log || not runs $tracer"
pkill -KILL -P $tracer || true
wait $tracer 2>/dev/null || true
start_vfiod
equal "two revocations that were announced are still to come" 2 "$(grep -c "is to end" "$vfiod_log")"
check "one can be carried out at once" vfioctl revoke $edu --grace 0
check "and the other" vfioctl revoke $nvme --grace 0
end KILL "$holder"
end KILL "$process"

# ---- unplugged ---------------------------------------------------------------------------------------------------
wait_for "it is warm" warm $edu
check "a warm function can be unplugged" timeout 20 bash -c "echo 1 >/sys/bus/pci/devices/$edu/remove"
check "and comes back" bash -c "echo 1 >/sys/bus/pci/rescan"
wait_for "as its owner's, who has it warm again" warm $edu
background leased /run/hold as bob lease hold $nvme
check "so can a leased one, after the grace of revoke-grace" timeout 20 bash -c "echo 1 >/sys/bus/pci/devices/$nvme/remove"
end KILL "$process"

stop_vfiod
wait_for "all handles are closed" handles_are 0
check "the module can be unloaded when nobody uses it" rmmod vfiod_handle
finish
