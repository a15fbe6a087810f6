#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What happens to a function goes to the client that has it: errors, which it may answer, removal and suspend.
# run-options: --qemu -device --qemu pcie-root-port,id=rpaer,x-speed=5,slot=20,chassis=20 --qemu -device --qemu virtio-rng-pci,id=failing,bus=rpaer,aer=on
# qemu-monitor: pcie_aer_inject_error
# expect-kernel: AER: .*(Uncorrect|device recovery)
# expect-kernel: PCIe Bus Error: severity=Uncorrect
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

# Of QEMU's devices those of virtio report errors; this one is behind a port of its own.
failing=0000:0a:00.0
edu=0000:01:00.0
nvme=0000:02:00.0
heard=/run/heard
answer_ms=/sys/module/vfiod_pci/parameters/answer_ms

# heed WAY FUNCTION: alice's program, which has it then.
heed() { background leased $heard as alice heed "$@"; }
# hears WORD...: it is told, or says, these in this order, and no others meanwhile.
hears() {
	local expected
	expected=$(printf '%s\n' leased "$@")
	wait_for "the client hears: $*" eval "[ \"\$(cat $heard)\" = '$expected' ]"
	ok "the client hears: $*"
}
logged() { grep -q "$1" "$vfiod_log"; }
# inject ERROR: in the function, which reports it if it is allowed to, as firmware or the administrator sees to.
inject() {
	setpci -s $failing CAP_EXP+08.w=0007:0007
	qemu_monitor pcie_aer_inject_error failing "$1"
}
node_is_open() { find "/proc/$vfiod_pid/fd" -lname /dev/vfiod-pci | grep -q .; }
not() { ! "$@"; }

load_strict
use_clients
configure <<<'driver = "vfiod-pci"'
start_vfiod
check "without a function of the strict driver its node is let alone" not node_is_open
quietly vfioctl assign $failing --user alice
check "it is open with the first" node_is_open
quietly vfioctl assign $edu --user alice

# ---- removal -----------------------------------------------------------------------------------------------------
heed go-on $edu
check "an unbind waits for a client that heeds it" timeout 20 bash -c "echo $edu >/sys/bus/pci/drivers/vfiod-pci/unbind"
# what is unbound by hand cannot be cleaned, which its release says
check "since it is told" grep -qx removal $heard
wait "${job_of[$process]}" || true
wait_for "vfiod has seen it" eval '[ -z "$(driver_of '$edu')" ]'
quietly vfioctl release $edu

# ---- suspend -----------------------------------------------------------------------------------------------------
sleep_now() {
	set -e
	echo freezer >/sys/power/pm_test
	echo 0 >/sys/module/suspend/parameters/pm_test_delay
	echo freeze >/sys/power/state
}
check "this kernel can sleep" test -w /sys/power/pm_test
quietly vfioctl assign $nvme --user bob
baseline
heed go-on $failing
check "the machine sleeps when its clients have saved their states" timeout 20 bash -c "$(declare -f sleep_now); sleep_now"
hears "suspend asked" answered woken
end KILL "$process"
wait_for "it is free" state_is $failing free
echo 300 >$answer_ms
heed stay $failing
check "a client that does not answer does not keep it awake" timeout 20 bash -c "$(declare -f sleep_now); sleep_now"
hears "suspend asked" woken
end KILL "$process"
wait_for "it is free" state_is $failing free
agrees "F39 the machine has slept" as bob lease cycle 1 $nvme
quietly vfioctl release $nvme

# ---- errors ------------------------------------------------------------------------------------------------------
# So long that nobody waits for the end of it: what goes on was answered. A function that nobody has open sleeps, and
# reports nothing.
echo 60000 >$answer_ms
heed go-on $failing
inject POISON_TLP
hears "error usable asked" answered resumed works
check "its answer is logged" logged "$failing: lease .* goes on"
end KILL "$process"
wait_for "it is free" state_is $failing free

heed reset $failing
inject POISON_TLP
hears "error usable asked" answered "reset asked" works answered resumed works
end KILL "$process"
wait_for "it is free" state_is $failing free

heed go-on $failing
inject MALF_TLP
hears "error frozen asked" answered "reset asked" works answered resumed works
check "there is a line for how bad it was" logged "cannot be reached until it has been reset"
end KILL "$process"
wait_for "it is free" state_is $failing free

heed give-up $failing
inject POISON_TLP
hears "error usable asked" answered resumed unreachable
check "its answer is logged" logged "gives the function up"
end KILL "$process"
wait_for "who gives up leaves it clean to the next" state_is $failing free
ok "who gives up leaves it clean to the next"

# A client that dies with the question open does not keep the kernel waiting.
heed never $failing
inject POISON_TLP
hears "error usable asked"
end KILL "$process"
wait_for "the kernel goes on when the client dies over its answer" logged "$failing has recovered"
ok "the kernel goes on when the client dies over its answer"
wait_for "it is free" state_is $failing free

echo 300 >$answer_ms
heed late $failing
inject POISON_TLP
wait_for "who is late is told" grep -q "^refused: .*has gone on" $heard
ok "who answers too late is told that the kernel has gone on"
end KILL "$process"
wait_for "it is free" state_is $failing free

# ---- a client that the vfiod before this one knew ------------------------------------------------------------------
echo 60000 >$answer_ms
background leased /run/hold as alice lease hold $failing
kill -KILL "$vfiod_pid"
wait "$vfiod_pid" 2>/dev/null || true
start_vfiod
check "a new vfiod listens, too" node_is_open
inject POISON_TLP
wait_for "what cannot be told to a client of the vfiod before is over at once" logged "$failing has recovered.*no client"
ok "what cannot be told to a client of the vfiod before is over at once"
end KILL "$process"
wait_for "it is free" state_is $failing free

# ---- the end -----------------------------------------------------------------------------------------------------
quietly vfioctl release $failing
check "with the last function its node is let go" not node_is_open
check "so that the module can be unloaded under vfiod" rmmod vfiod_pci
stop_vfiod
finish
