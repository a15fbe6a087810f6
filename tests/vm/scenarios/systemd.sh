#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vfiod as a service of a real systemd: started by its sockets, watched, reloaded, restarted under a lease; its entries in
# the journal; and what its sandbox lets it do, tried from inside.
# run-options: --systemd -t 600
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
sockets=(vfiod.socket vfiod-admin.socket)

property() { systemctl show --value --property "$1" vfiod.service; }
property_is() { [ "$(property "$1")" = "$2" ]; }
another_process() { local pid; pid=$(property MainPID); [ "$pid" != 0 ] && [ "$pid" != "$1" ] && property_is ActiveState active; }
interrupts() { awk -v function_="$edu" 'index($0, "(" function_ ")") { print $2 + $3 }' /proc/interrupts; }
interrupts_beyond() { [ "$(interrupts)" -gt "$1" ]; }
limit() { sed -n 's/^Max locked memory *\([^ ]*\) *\([^ ]*\) .*/\1 \2/p' "/proc/$1/limits"; }
in_a_read() { grep -q '^17 ' "/proc/$1/syscall"; }	# pread64()

# What vfiod says is in the journal, and shown when something fails.
journal_at_the_end() {
	[ "$1" = 0 ] || { systemctl status --no-pager --lines=0 vfiod.service; journalctl --no-pager --lines=40; } 2>&1 | sed 's/^/# /'
	vfiod_scenario_ends "$1"
}
trap 'journal_at_the_end "$?"' EXIT

# lease_goes_on SENTENCE: the client's DMA and interrupts do, and vfiod knows whose they are.
lease_goes_on() {
	local count
	count=$(interrupts)
	wait_for "DMA and interrupts of the client go on" interrupts_beyond $((count + 2))
	wait_for "vfiod knows that $edu is leased" state_is $edu leased
	equal "the lease goes on over $1" "$holder" "$(field $edu holder_pid)"
}

# ---- what is installed beside it ---------------------------------------------------------------------------
check "the modules are loaded that modules-load.d names" systemctl start systemd-modules-load.service
check "one of them is vfio-pci" test -e /sys/bus/pci/drivers/vfio-pci
load_handles
use_clients
check "systemd-sysusers takes its file" systemd-sysusers /usr/lib/sysusers.d/vfiod.conf
check "which makes a user, for the service" getent passwd vfiod
check "and a group" getent group vfiod
check "systemd-tmpfiles takes its file" systemd-tmpfiles --create /usr/lib/tmpfiles.d/vfiod.conf
equal "which makes the folder of the public socket" "755 root" "$(stat -c '%a %U' /run/vfiod/pub)"
check "udev takes its rules" udevadm control --reload
mkdir -p /run/systemd/system/vfiod.service.d
printf '[Service]\nWatchdogSec=10\n' >/run/systemd/system/vfiod.service.d/watchdog.conf
systemctl daemon-reload

# ---- start --------------------------------------------------------------------------------------------------
check "its sockets can be started" systemctl start "${sockets[@]}"
equal "the administrator's is root's alone" "600 root" "$(stat -c '%a %U' /run/vfiod/admin.sock)"
check "vfiod does not run yet" property_is ActiveState inactive
check "the first who asks is answered" as alice vfioctl list
check "since that has started vfiod" property_is ActiveState active
wait_for "it tells that it serves" bash -c 'systemctl show --value --property StatusText vfiod.service | grep -q ^Serving'
vfiod_pid=$(property MainPID)
equal "it runs as a user of its own" vfiod "$(stat -c %U "/proc/$vfiod_pid")"
equal "with no capabilities but SYS_ADMIN, DAC_OVERRIDE and SYS_RESOURCE" 0000000001200002 \
	"$(sed -n 's/^CapBnd:\t//p' "/proc/$vfiod_pid/status")"
check "it runs under its own filter of system calls" grep -q '^Seccomp:.*2$' "/proc/$vfiod_pid/status"
check "a function can be assigned" timeout 60 vfioctl assign $edu --user alice
equal "by udev's rules its node is root's" "600 root" "$(stat -c '%a %U' "/dev/vfio/$(group_of $edu)")"
check "and its user gets it" as alice edu $edu

# ---- what its capabilities are for, and how it does without the others --------------------------------------
mkdir -p /etc/vfiod
printf 'rule "memory" {\n\tvendor = "1234"\n\tmemlock = "64M"\n}\n' >/etc/vfiod/vfiod.conf
check "a configuration is taken" systemctl reload vfiod.service
background leased /run/memlock as alice bash -c "ulimit -l 64; exec lease hold $edu"
equal "a process of another user may lock what its rule says" "67108864 67108864" "$(limit "$process")"
end KILL "$process"
wait_for "the function is free again" state_is $edu free
rm /etc/vfiod/vfiod.conf
check "a configuration is taken back" systemctl reload vfiod.service
echo 1 >/proc/sys/vm/unprivileged_userfaultfd
background stalled /run/stalled as alice lease stalled $edu
wait_for "a client is stuck in the kernel" in_a_read "$process"
said=$(timeout 60 vfioctl revoke $edu --grace 0) || fail "a client that is stuck in the kernel is revoked"
names "a process that is stuck with what was taken from it is killed" "1 process," "killed"
wait "${job_of[$process]}" 2>/dev/null || true
equal "and the function is free" free "$(field $edu state)"

# ---- the journal --------------------------------------------------------------------------------------------
# entry ID MATCH...: the fields of the newest of these
entry() { journalctl --output=verbose --lines=1 --no-pager "MESSAGE_ID=$1" "${@:2}"; }
granted=27cf7a0eeb624e8a86d753fd532e8442 denied=bf69d7e78976456eb71b792dbf18af4e
wait_for "the lease is in the journal" bash -c "journalctl --no-pager MESSAGE_ID=$granted VFIOD_UID=1001 | grep -q leased"
check "with its function" bash -c "$(declare -f entry); entry $granted | grep -q VFIOD_DEVICE=$edu"
refused as bob edu $edu
wait_for "the refusal is in the journal" bash -c "$(declare -f entry); entry $denied VFIOD_UID=1002 | grep -q VFIOD_REASON=not-allowed"
quietly vfioctl assign $nvme --user bob
echo >/sys/bus/pci/devices/$nvme/reset_method
refused as bob lease cycle 1 $nvme
echo default >/sys/bus/pci/devices/$nvme/reset_method
check "what could not be reset can be cleaned when it can" timeout 60 vfioctl quarantine clear $nvme
for id in 81842bebfa0e44ce9cae310214932485 2e53ac62c5904a53b4d7457129926fda; do
	wait_for "its quarantine and the end of it are in the journal" bash -c "$(declare -f entry); entry $id | grep -q VFIOD_DEVICE=$nvme"
done
ok "its quarantine and the end of it are in the journal"
check "journalctl finds its lines by the unit" bash -c 'journalctl --no-pager --unit vfiod.service | grep -q "leased to user"'

# ---- restart, reload, watchdog ----------------------------------------------------------------------------
vfiod_pid=$(property MainPID)
baseline
background holding /run/holder as alice edu --hold $edu
holder=$process
check "systemctl restart" systemctl restart vfiod.service
lease_goes_on "a restart"

echo 'revoke-grace = 7' >/etc/vfiod/vfiod.conf
vfiod_pid=$(property MainPID)
check "systemctl reload" systemctl reload vfiod.service
echo 'revoke-grace = never' >/etc/vfiod/vfiod.conf
if systemctl reload vfiod.service 2>/dev/null; then fail "a reload with a mistake in the configuration fails"; fi
ok "a reload with a mistake in the configuration fails"
equal "and vfiod runs on" "$vfiod_pid" "$(property MainPID)"
check "and serves" vfioctl list
rm /etc/vfiod/vfiod.conf

kill -STOP "$vfiod_pid"
WAIT_SECONDS=120 wait_for "systemd starts another vfiod in place of one that hangs" another_process "$vfiod_pid"
ok "systemd starts another vfiod in place of one that hangs"
lease_goes_on "that"
vfiod_pid=$(property MainPID)
agrees "F18 vfiod hung" as bob lease cycle 1 $nvme
kill -KILL "$vfiod_pid"
WAIT_SECONDS=60 wait_for "and in place of one that was killed" another_process "$vfiod_pid"
lease_goes_on "that, too"
for time in 2 3 4 5 6 7; do
	vfiod_pid=$(property MainPID)
	kill -KILL "$vfiod_pid"
	WAIT_SECONDS=60 wait_for "systemd starts another one when vfiod is killed for the $time. time" another_process "$vfiod_pid"
done
ok "as often as it is killed"
lease_goes_on "all these"
check "a lease can be revoked" timeout 60 vfioctl revoke $edu --grace 0
# which its program may have ended over
kill -TERM "$holder" 2>/dev/null || true
wait_for "the function is free" state_is $edu free
check "vfiod has counted that" bash -c "vfioctl stats --prometheus | grep -q '^vfiod_leases_ended_total{how=\"revoked\"} 1$'"

check "its filter has refused nothing that it does, so that no audit record is about it" bash -c \
	'! journalctl --no-pager --dmesg | grep "type=1326.*vfiod"'

# ---- the sandbox --------------------------------------------------------------------------------------------
check "systemd's measure of it is 1.6 at most" systemd-analyze security --no-pager --threshold=16 vfiod.service

# The same unit with another program in it. Each line of what it must not be able to do: a name, and what it tries. With
# "outside" root does all of that without the sandbox, so that it is known to be what does not let it.
probe=/usr/local/sbin/vfiod-probe
cat >$probe <<'PROBE'
#!/bin/bash
outside=${1-}
must_fail() {
	if [ -n "$outside" ]; then
		(eval "$2") >/dev/null 2>/run/probe.why || echo "does not work outside: $1: $(cat /run/probe.why)"
	elif (eval "$2") >/dev/null 2>&1; then
		echo "not refused: $1"
	fi
}
must_work() { local said; said=$( (eval "$2") 2>&1) || echo "does not work: $1: $said"; }
must_fail "write to /etc" 'echo >/etc/probe'
must_fail "write to /usr" 'echo >/usr/probe'
must_fail "write to /boot" 'echo >/boot/probe'
must_fail "write to /var" 'echo >/var/probe'
must_fail "write a sysctl" 'echo 1 >/proc/sys/kernel/sysrq'
must_fail "press SysRq" 'echo h >/proc/sysrq-trigger'
must_fail "write to /sys/kernel" 'echo 0 >/sys/kernel/profiling'
must_fail "write to /sys/module" 'echo 1 >/sys/module/printk/parameters/time'
must_fail "write to the cgroups" 'mkdir /sys/fs/cgroup/probe'
must_fail "see homes" 'ls /home/alice'
must_fail "look into another process" 'head -c 1 /proc/1/environ'
must_fail "signal a process of root'\''s" 'kill -0 1'
must_fail "reach the service manager" 'test -e /run/systemd/private'
must_fail "start a unit" 'systemctl start vfiod.socket'
must_fail "see what else is in /run" 'test -e /run/vfiod-vm'
must_fail "read memory" 'head -c 1 /dev/mem'
must_fail "read the kernel log" 'dmesg'
must_fail "use a terminal" ': </dev/ttyS0'
must_fail "make a device" 'mknod /run/vfiod/probe-device c 1 1'
must_fail "load a module" 'modprobe loop'
must_fail "mount" 'mount -t tmpfs none /mnt'
must_fail "make a namespace" 'unshare --user true'
must_fail "make a network namespace" 'unshare --net true'
must_fail "change its root" 'chroot / true'
must_fail "become another user" 'setpriv --reuid=1001 --clear-groups true'
must_fail "become root" 'setpriv --reuid=0 true'
must_fail "own others'\'' files" 'chown 1001 /run/vfiod'
must_fail "set the clock" 'date -s 12:00'
must_fail "rename the machine" 'hostname probe'
must_fail "run in real time" 'chrt -f 1 true'
must_fail "get more of the processor" 'renice -n -5 $$'
must_fail "use the network" ': </dev/udp/127.0.0.1/9'
must_fail "trace" 'strace true'
must_fail "have memory to write and execute" 'perl -e "exit(syscall(9, 0, 4096, 7, 0x22, -1, 0) == -1)"'
must_fail "make a file that runs as its owner" 'cp /bin/true /run/vfiod/probe-file; chmod u+s /run/vfiod/probe-file'
[ -n "$outside" ] || must_fail "reboot" 'busybox reboot -f'
must_work "write to its own folder" 'echo >/run/vfiod/probe'
must_work "keep what outlives a reboot" 'echo >/var/lib/vfiod/probe'
must_work "write to a function" 'echo >/sys/bus/pci/devices/0000:01:00.0/driver_override'
must_work "read all of a config space" '[ $(head -c 256 /sys/bus/pci/devices/0000:01:00.0/config | wc -c) = 256 ]'
must_work "open VFIO" ': <>/dev/vfio/vfio'
must_work "open the node of the handles, but for its being in use" 'test -r /dev/vfiod'
must_work "see what is swapped on" 'head -n 1 /proc/swaps'
must_work "tell the service manager" 'test -S /run/systemd/notify'
must_work "write to the journal" 'test -S /run/systemd/journal/socket'
must_work "see that udev runs" 'test -S /run/udev/control'
must_work "look a user up" 'getent passwd alice'
rm -f /run/vfiod/probe* /var/lib/vfiod/probe
echo "tried"
PROBE
systemctl stop vfiod.service
sed -e "s,^ExecStart=.*,ExecStart=/bin/bash $probe," -e '/^ExecReload=/d' -e '/^WatchdogSec=/d' -e '/^Restart=/d' \
	-e 's,^Type=.*,Type=oneshot\nStandardOutput=file:/run/probe.said,' -e '/^Requires=/d' \
	/usr/lib/systemd/system/vfiod.service >/run/systemd/system/vfiod-probe.service
systemctl daemon-reload
check "the same service can be started with another program" systemctl start vfiod-probe.service
equal "its sandbox holds, and what vfiod needs is in it" "tried" "$(cat /run/probe.said)"

# ---- the end --------------------------------------------------------------------------------------------------
check "vfiod can be started again" systemctl start vfiod.service
check "and stopped with its sockets" systemctl stop vfiod.service "${sockets[@]}"
equal "of which none is left" "" "$(find /run/vfiod -type s)"
check "nothing of it has failed" bash -c '! systemctl is-failed vfiod.service'
# last, since it leaves the machine in a state
equal "without its sandbox all works that must not in it" "tried" "$(bash $probe outside)"
finish
