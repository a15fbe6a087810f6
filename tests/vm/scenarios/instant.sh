#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How long a lease takes, beside opening the function as root: medians of the same run. The bars are those of an instant
# lease: a fiftieth when the function is warm, and when it is cold no more than one twentieth above.
# One processor: in one thread of the emulator a second one is woken late. It counts instructions, 16 ns for each, and takes
# a pause for as long as it is, so a busy machine changes nothing.
# run-options: --icount --smp 1 --timeout 600
# kernels: 6.1 6.12
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

nvme=0000:02:00.0
rounds=${INSTANT_ROUNDS:-15}

warm() { [ "$(field $nvme warm)" = true ]; }
# Nobody has it, and it sleeps: to wake it is part of opening it, for root as for vfiod.
asleep() { [ "$(cat /sys/bus/pci/devices/$nvme/power/runtime_status)" = suspended ]; }
free() { state_is $nvme free && asleep; }
median() { sort -n | sed -n "$(((rounds + 1) / 2))p"; }

# of WORD FILE: the median of those figures.
of() { sed -n "s/^$1 //p" "$2" | median; }

# bar NAME VALUE REFERENCE LIMIT: says both, and fails above LIMIT times REFERENCE.
bar() {
	awk -v name="$1" -v value="$2" -v reference="$3" -v limit="$4" 'BEGIN {
		printf "bench %s %.1f us ratio %.4f vs opening it as root (%.1f us; bar %s)\n", name, value / 1000, value / reference, reference / 1000, limit
		exit !(value <= reference * limit) }' || fail "$1 is within its bar"
	ok "$1 is within its bar"
}

load_handles
use_clients
install -m 755 "${VFIOD_CLIENTS:-${0%/*}/../../../build/default/tests/vm/clients}/instant" /usr/local/bin/
bind vfio-pci $nvme

# Turn about, so that a machine that is busy for a while is so for both.
configure <<<"warm-devices = 0"
start_vfiod
quietly vfioctl assign $nvme --user alice
: >/run/direct
: >/run/cold
for ((i = 0; i < rounds; i++)); do
	wait_for "it is free and sleeps" free
	instant direct $nvme "$(group_of $nvme)" >>/run/direct
	wait_for "it is free and sleeps" free
	as alice instant lease $nvme >>/run/cold
done
wait_for "it is free" free
stop_vfiod

configure <<<"warm-devices = 1"
start_vfiod
: >/run/warm
for ((i = 0; i < rounds; i++)); do
	wait_for "it is warm" warm
	as alice instant lease $nvme >>/run/warm
done
stop_vfiod

equal "every round is measured" "$rounds $rounds $rounds" \
	"$(grep -c first /run/direct) $(grep -c first /run/warm) $(grep -c first /run/cold)"
reference=$(of first /run/direct)
bar lease_warm "$(of first /run/warm)" "$reference" 0.02
bar lease_cold "$(of first /run/cold)" "$reference" 1.05
printf 'bench lease_warm_request_to_files %s us\n' "$(($(of files /run/warm) / 1000))"
printf 'bench lease_cold_request_to_files %s us\n' "$(($(of files /run/cold) / 1000))"
finish
