#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which VFIO driver a function gets: the strict one, the kernel's own, or the one of both that there is; what is said of
# it; and what its user sees of its config space, beside what the hardware has.
# Two displays with registers of VGA, which the strict driver refuses: the machine boots with one of them. The debug kernel
# has no arbiter of them (CONFIG_VGA_ARB), and does not know which.
# kernels: 6.1 6.12
# run-options: --qemu -device --qemu VGA --qemu -device --qemu VGA
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vfiod.sh
. "${0%/*}/../vfiod.sh"

edu=0000:01:00.0
nvme=0000:02:00.0
igb=0000:05:00.0

# restart: vfiod, with the configuration that comes on standard input.
restart() {
	[ -z "$vfiod_pid" ] || stop_vfiod
	configure
	start_vfiod
}

# shows FUNCTION TEXT...: what `vfioctl show` says.
shows() {
	local function=$1
	shift
	said=$(vfioctl show "$function")
	names "vfioctl show $function says so: $1" "$@"
}
stock_words=("vfio-pci: the kernel's own VFIO driver" "can be read and written by whoever knows its offset" "can be mapped")
strict_words=("strict VFIO driver" "reads as 0 and ignores writes" "vectors can be masked" "cannot be mapped")

# goes SENTENCE DRIVER FUNCTION: it is assigned, gets that driver, can be used, and goes back to where it was.
goes() {
	local sentence=$1 driver=$2 function=$3 before
	before="$(driver_of "$function") $(override_of "$function")"
	check "$sentence" vfioctl assign "$function" --user alice
	equal "it has the driver $driver" "$driver" "$(driver_of "$function")"
	check "it goes back to the host" vfioctl release "$function"
	equal "as it was" "$before" "$(driver_of "$function") $(override_of "$function")"
}

# ---- without the strict driver ---------------------------------------------------------------------------
load vfio-pci nvme igb
wait_for "the kernel's nvme driver has $nvme" driver_is $nvme nvme
use_clients
restart <<<''
goes "where the strict driver is not loaded the kernel's own is taken" vfio-pci $nvme
quietly vfioctl assign $edu --user alice
shows $edu "${stock_words[@]}"
equal "and JSON does" false "$(field $edu strict)"
refused vfioctl config show --live $edu
names "what its user sees is not known of it" vfio-pci "vfioctl config show $edu"
quietly vfioctl release $edu
restart <<<'driver = "vfiod-pci"'
before=$(snapshot)
refused vfioctl assign $nvme --user alice
names "a driver that is asked for has to be loaded" vfiod-pci "not loaded" "modprobe vfiod_pci"
nothing_half_done "that"
restart <<CONF
driver = "vfiod-pci"
rule "the drive" { address = "$nvme" driver = "vfio-pci" }
CONF
goes "a rule goes before that" vfio-pci $nvme

# ---- with it -----------------------------------------------------------------------------------------------
load_strict
restart <<<''
goes "where it is loaded the strict driver is taken" vfiod-pci $nvme
check "a function is assigned" vfioctl assign $edu --user alice
check "and used with it" as alice edu $edu
shows $edu "vfiod-pci: vfiod's" "${strict_words[@]}"
equal "and JSON does" true "$(field $edu strict)"
equal "the columns of the list are aligned" 1 \
	"$(vfioctl list --wide | awk 'NR == 1 { at = index($0, "DRIVER") } substr($0, at - 1, 1) != " " { bad = 1 }
		substr($0, at - 2, 1) != " " { bad = 1 } substr($0, at, 9) == "vfiod-pci" { found = 1 } END { print found && !bad }')"

# ---- what its user sees --------------------------------------------------------------------------------------
refused vfioctl config show --live $edu
names "nobody sees anything while nobody has it" "nobody has $edu open" "vfioctl config show $edu"
background leased /run/hold as alice lease hold $edu
check "what a program sees of it is shown beside what the hardware has" vfioctl config show --live $edu
vfioctl config show --live $edu >/run/live
grep -q '^  010  BAR 0 .* \* ' /run/live || { cat /run/live; fail "what differs is marked"; }
ok "what differs is marked"
if grep '^  .* ! ' /run/live; then fail "nothing differs that should not"; fi
ok "nothing differs that should not"
equal "JSON says that it is of a program" true "$(vfioctl config show --live --json $edu | sed -n 's/^ *"live": *\([a-z]*\).*/\1/p')"
refused as alice vfioctl config show --live $edu
names "only root may see that" "root"
equal "which its exit status says, too" 4 "$exit_status"
end KILL "$process"
wait_for "$edu is free" state_is $edu free
refused vfioctl config show --live 0000:01:00.1
names "nobody sees what is not there" "no PCI function 0000:01:00.1"
quietly vfioctl release $edu

# ---- bound by hand ---------------------------------------------------------------------------------------------
bind vfio-pci $edu
check "a function that was bound to the kernel's own by hand is taken as it is" vfioctl assign $edu --user alice
equal "with the driver that it has" vfio-pci "$(driver_of $edu)"
check "and used" as alice edu $edu
check "and released" vfioctl release $edu
equal "to the driver that the kernel chooses" "" "$(driver_of $edu)"
bind vfiod-pci $edu
check "so is one that was bound to the strict driver" vfioctl assign $edu --user alice
equal "with the driver that it has" vfiod-pci "$(driver_of $edu)"
check "and released" vfioctl release $edu
equal "to the driver that the kernel chooses" "" "$(driver_of $edu)"
restart <<<'driver = "vfiod-pci"'
bind vfio-pci $edu
check "a driver that is asked for goes before one by hand" vfioctl assign $edu --user alice
equal "the function has it" vfiod-pci "$(driver_of $edu)"
check "it can be used" as alice edu $edu
check "and is released" vfioctl release $edu
equal "to the driver that the kernel chooses" "" "$(driver_of $edu)"
bind vfio-pci $igb
exec {group}<>"/dev/vfio/$(group_of $igb)"
refused vfioctl assign $igb --user alice
names "one that another program has open is left alone" "open in another program"
equal "where it is" vfio-pci "$(driver_of $igb)"
exec {group}>&-
check "and taken when it is not" vfioctl assign $igb --user alice
check "and released" vfioctl release $igb

# ---- a function that the strict driver refuses -------------------------------------------------------------------
vga=$(for function in /sys/bus/pci/devices/*; do
	[ "$(cat "$function/class")" = 0x030000 ] && [ "$(cat "$function/boot_vga")" = 0 ] && echo "${function##*/}"
done | head -n 1) || true
[ -n "$vga" ] || fail "there is a second display"
rule='rule "displays" { class = "0300" reset = "best-effort" '
restart <<<"$rule }"
goes "what the strict driver refuses gets the kernel's own" vfio-pci "$vga"
said=$(grep "$vga was refused by" "$vfiod_log") || fail "vfiod logs that"
names "vfiod logs that, and how to forbid it" vfiod-pci vfio-pci dmesg 'driver = "vfiod-pci"'
said=$(dmesg | grep "$vga: .*vfiod-pci does not take") || fail "the kernel's log says why"
names "and the kernel's log says why" VGA
restart <<<"$rule driver = \"vfiod-pci\" }"
before=$(snapshot)
refused vfioctl assign "$vga" --user alice
names "where that is forbidden it is refused" "could not be bound to vfiod-pci" dmesg
nothing_half_done "that"

# ---- the strict driver under the name of the other -----------------------------------------------------------------
stop_vfiod
rmmod vfiod_pci
modprobe -r vfio-pci
load_strict stock_name=1
restart <<<'driver = "vfiod-pci"'
check "under that name it is the strict driver all the same" vfioctl assign $edu --user alice
equal "whose name it has" vfio-pci "$(driver_of $edu)"
check "it can be used" as alice edu $edu
shows $edu "under the name of the kernel's own" "${strict_words[@]}"
equal "and JSON does" true "$(field $edu strict)"
check "and released" vfioctl release $edu
restart <<<''
goes "and it is taken where nothing is said" vfio-pci $edu
restart <<<'driver = "vfio-pci"'
before=$(snapshot)
refused vfioctl assign $edu --user alice
names "but it is not the kernel's own" vfiod_pci "modprobe -r vfiod_pci && modprobe vfio-pci"
nothing_half_done "that"

stop_vfiod
finish
