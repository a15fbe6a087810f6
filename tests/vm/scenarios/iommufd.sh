#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Leases by a function's own file and an iommufd, which of our kernels the debug kernel has; on the others it is said
# that there is none.
# kernels: 6.1 6.12 debug
# run-options: --single
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0

warm() { [ "$(field "$1" warm)" = true ]; }
has_more_lines_than() { [ "$(wc -l </run/held)" -gt "$1" ]; }
# use ANSWER SENTENCE: what another transfer of the client's comes to.
use() {
	local lines
	lines=$(wc -l </run/held)
	kill -USR1 "$holder"
	wait_for "$2" has_more_lines_than "$lines"
	equal "$2" "$1" "$(tail -n 1 /run/held)"
}
# maps_for PROCESS: it is in the ioctl that maps memory.
maps_for() { grep -q "^16 .*" "/proc/$1/syscall" && [ "$(cut -d ' ' -f 3 "/proc/$1/syscall")" = 0x3b85 ]; }
hold() {
	background leased /run/held as "$1" byiommufd hold $edu
	holder=$process
}

load_vfio
load nvme
use_clients
echo 1 >/proc/sys/vm/unprivileged_userfaultfd
modprobe -q iommufd || true
start_vfiod
quietly vfioctl assign $edu --user alice

if [ ! -e /dev/iommu ]; then
	refused as alice byiommufd hold $edu
	names "a kernel without iommufd is named, and what works there" "no iommufd" container
	equal "and nothing has come of it" free "$(field $edu state)"
	finish
fi

refused as alice byiommufd hold $edu
names "without the module that can take it back there is no such lease" "modprobe vfiod_handle"
load_handles
check "the function is used by a container" as alice edu $edu
wait_for "and opened in advance, by its group" warm $edu
hold alice
equal "it is leased by its own file and an iommufd that counts by process, and moves data" leased "$(field $edu state)"
equal "to her" 1001 "$(field $edu holder_uid)"
check "as a lease that can be revoked" [ "$(field $edu revocable)" = true ]
refused as alice edu $edu
names "nobody else gets it, by a container neither" "is leased to user 1001"
kill -KILL "$vfiod_pid"
wait "$vfiod_pid" || true
start_vfiod
use answers "it goes on over a restart of vfiod"
equal "which knows of it" leased "$(field $edu state)"
check "it is revoked" vfioctl revoke $edu --grace 0
use SIGBUS "and is dead to her"
wait_for "it is opened in advance again" warm $edu
end KILL "$holder"
check "she has it by a container next" as alice edu $edu
wait_for "and it is warm again" warm $edu
hold alice
end KILL "$holder"
wait_for "the death of its client ends it" warm $edu

# ---- a client that keeps the kernel from closing its function ------------------------------------------------------
background stalled /run/stalled as alice byiommufd stalled $edu
wait_for "the kernel maps a page of hers that does not come" maps_for "$process"
refused vfioctl revoke $edu --grace 0
names "who takes the function back is told that it is not closed" quarantined
equal "nobody gets it" quarantined "$(field $edu state)"
stop_vfiod
start_vfiod
ok "and vfiod itself does not wait for it, and can be restarted"
end KILL "$process"
check "when the client is gone the function can be cleaned" vfioctl quarantine clear $edu
wait_for "and is opened in advance again" warm $edu

configure <<-CONF
	rule "as ever" { address = "$edu"  modes = { "container", "group" } }
CONF
check "a rule names modes" vfioctl reload
refused as alice byiommufd hold $edu
names "and another one is refused" 'mode "iommufd"' 'rule "as ever"'

# ---- a program of others ------------------------------------------------------------------------------------------
quietly vfioctl assign $nvme --user alice
wait_for "another function is warm" warm $nvme
ulimit -l unlimited
printf 'info pci\nquit\n' | as alice byiommufd run $nvme qemu-system-x86_64 -M pc -m 16 -accel tcg -S -nodefaults \
	-no-user-config -display none -monitor stdio -object iommufd,id=iommu,fd=8 \
	-device vfio-pci,addr=2,fd=9,iommufd=iommu >/run/qemu 2>&1 || { sed 's/^/# /' /run/qemu; fail "QEMU runs"; }
check "QEMU has the controller by files that it was given" grep -q "PCI device 1b36:0010" /run/qemu
wait_for "which is clean when it has ended" warm $nvme
check "and its next user uses it" as alice nvme-identify $nvme

finish
