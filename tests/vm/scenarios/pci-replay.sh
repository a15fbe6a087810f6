#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the strict driver lets its user see and change is what libpcicfg decides in user space, access by access: the same
# sequence by VFIO on the function, and on the config space that root has recorded of it. Hardware for the recording is
# made up (clients/owned.c); that it is right is seen first, without the driver.
# run-options: --timeout 3000
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

declare -A functions=([edu]=0000:01:00.0 [nvme]=0000:02:00.0 [e1000e]=0000:04:00.0 [igb]=0000:05:00.0)
accesses=${REPLAY_ACCESSES:-100000} seed=${REPLAY_SEED:-1}

# same SENTENCE MODE NAME COUNT: what it has to say is shown in either case.
same() {
	local status=0
	replay "$2" "${functions[$3]}" "/run/$3" "$seed" "$4" >/run/replay.out 2>&1 || status=$?
	grep '^figure: ' /run/replay.out || true
	[ "$status" = 0 ] || { sed 's/^/# /' /run/replay.out; fail "$1 (seed $seed)"; }
	ok "$1"
}

install -m 755 "${VFIOD_CLIENTS:-${0%/*}/../../../build/default/tests/vm/clients}/replay" /usr/local/bin/
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing

for name in edu nvme e1000e igb; do
	check "$name says what of its config space can be changed" replay measure "${functions[$name]}" "/run/$name"
	same "the made-up hardware of $name is as the real one" sysfs $name $((accesses / 10))
done

load_strict
bind vfiod-pci "${functions[@]}"
for name in edu nvme e1000e igb; do
	check "of $name there is a line for each refused write, each change of interrupts and each reset" \
		replay events "${functions[$name]}"
done
for name in edu nvme e1000e igb; do
	same "what is seen and what is changed of $name by the driver is what libpcicfg says of its recording" \
		driver $name "$accesses"
done

finish
